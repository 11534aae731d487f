// pm2 start docs/ops/pm2.config.cjs       Checked by test/ops/orchestrators.test.ts.
module.exports = {
  apps: [
    {
      name: 'fanwire',
      script: 'dist/src/cli.js', // in a clone; of an installed package node_modules/fanwire/dist/src/cli.js
      args: 'serve --workers auto',
      // Not cluster: uWebSockets.js listens by itself, and the relay's own --workers share the port. fanwire refuses to start in it.
      exec_mode: 'fork',
      instances: 1,
      // The relay says when it listens.
      wait_ready: true,
      listen_timeout: 10_000,
      // pm2 sends SIGINT and kills after this time, by default 1.6 s. 30 s over which the closes are spread, 3 s for clients to close their
      // side, and some to spare.
      kill_timeout: 40_000,
      env: { NODE_ENV: 'production', FANWIRE_DRAIN_MS: '30000', FANWIRE_LOG_FORMAT: 'json' },
      // A bad flag, variable or file stays bad.
      stop_exit_codes: [2],
      exp_backoff_restart_delay: 100,
    },
  ],
};

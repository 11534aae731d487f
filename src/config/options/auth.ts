// Who may connect, publish and subscribe.
import { conflict, group, option } from '../option.js';
import { choice, duration, list, text } from '../types.js';

export const auth = group(
  'Authentication',
  {
    auth: option({
      flag: 'auth',
      argument: 'kind',
      description: 'How a client proves who it is: not at all, by a JWT, or by a token of --tokens-file',
      type: choice('none', 'jwt', 'static'),
      default: 'none',
    }),
    jwtSecret: option({
      flag: 'jwt-secret',
      argument: 'text',
      description: 'HS256 secret of at least 32 bytes; as a flag it shows in ps, better FANWIRE_JWT_SECRET or a file',
      type: text(),
      default: '',
      secret: true,
    }),
    jwtSecretFile: option({
      flag: 'jwt-secret-file',
      argument: 'file',
      description: 'File with the HS256 secret; read again on SIGHUP',
      type: text('the path of a file'),
      default: '',
    }),
    jwtPublicKey: option({
      flag: 'jwt-public-key',
      argument: 'file',
      description: 'Public key that verifies tokens (RSA, P-256/384/521, Ed25519), PEM or JWK; read again on SIGHUP',
      type: text('the path of a PEM or JWK file'),
      default: '',
    }),
    jwtJwks: option({
      flag: 'jwt-jwks',
      argument: 'url',
      description: "The issuer's JWKS URL; rotated keys are found by themselves, SIGHUP fetches at once",
      type: text('an http:// or https:// URL'),
      default: '',
    }),
    jwtJwksCacheS: option({
      flag: 'jwt-jwks-cache',
      argument: 'seconds',
      description: 'Age at which JWKS keys are fetched anew in the background',
      unit: 'seconds',
      type: duration('seconds', 1, 86_400),
      default: 600,
    }),
    jwtIssuer: option({
      flag: 'jwt-issuer',
      argument: 'iss',
      description: 'Issuer (iss) a token must name; empty: any',
      type: text(),
      default: '',
    }),
    jwtAudience: option({
      flag: 'jwt-audience',
      argument: 'aud',
      description: 'Audience (aud) a token must name; empty: any',
      type: text(),
      default: '',
    }),
    jwtClockSkewS: option({
      flag: 'jwt-clock-skew',
      argument: 'seconds',
      description: "How far the issuer's clock may be off; a token lives this much longer",
      unit: 'seconds',
      type: duration('seconds', 0, 600),
      default: 30,
    }),
    tokensFile: option({
      flag: 'tokens-file',
      argument: 'file',
      description: 'JSON file of static tokens and what each may do; read again on SIGHUP',
      type: text('the path of a JSON file'),
      default: '',
    }),
    origins: option({
      flag: 'origins',
      argument: 'list',
      description:
        'Web pages that may connect: https://app.example.com, *.example.com, http://localhost:*, file://, null; empty: all',
      type: list('a comma-separated list of origins'),
      default: [],
    }),
  },
  (config) => {
    const keys = {
      '--jwt-secret': config.jwtSecret,
      '--jwt-secret-file': config.jwtSecretFile,
      '--jwt-public-key': config.jwtPublicKey,
      '--jwt-jwks': config.jwtJwks,
    };
    const given = Object.entries(keys).flatMap(([flag, value]) => (value === '' ? [] : [flag]));
    // A key without --auth jwt would look protected and be open to everyone.
    if (config.auth !== 'jwt' && given.length > 0)
      throw conflict(`${given[0]} needs --auth jwt, got --auth ${config.auth}`);
    if (config.auth === 'jwt' && given.length !== 1) {
      throw conflict(
        `--auth jwt needs exactly one of ${Object.keys(keys).join(', ')}, got ${given.join(' and ') || 'none'}`,
      );
    }
    if (config.auth === 'static' && config.tokensFile === '') throw conflict('--auth static needs --tokens-file');
    if (config.auth !== 'static' && config.tokensFile !== '') {
      throw conflict(`--tokens-file needs --auth static, got --auth ${config.auth}`);
    }
    if (
      config.jwtJwks !== '' &&
      !/^https?:$/.test(URL.canParse(config.jwtJwks) ? new URL(config.jwtJwks).protocol : '')
    ) {
      throw conflict(`--jwt-jwks must be an http:// or https:// URL, got "${config.jwtJwks}"`);
    }
  },
);

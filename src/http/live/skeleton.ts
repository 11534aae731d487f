// The live page before any figure is in it: its sections, forms and labels. It holds nothing that a token protects.
import { html, type Markup } from '../../base/page/markup.js';

const WINDOWS_MIN = [1, 5, 15];

export function skeleton(): Markup {
  return html`<header><h1>fanwire <span>live</span></h1>
<div class="segments" id="window" role="group" aria-label="Time shown">
${WINDOWS_MIN.map((minutes) => html`<button type="button" data-minutes="${minutes}" aria-pressed="${String(minutes === 1)}">${minutes} min</button>`)}
</div></header>
<main>
<noscript><p>This page draws with JavaScript, which is switched off here. /stats, /topics and /connections give the same as JSON, /metrics as text.</p></noscript>
<section class="state" id="state"><h2 role="status" aria-live="polite">Asking the relay…</h2><p id="state-note"></p></section>
${login()}
<div id="signed-in" hidden>
<section id="charts" class="charts live" aria-label="Figures"></section>
<section id="workers" hidden><h2>Workers</h2><div class="charts live two" id="worker-charts"></div>
<div class="scroll"><table><thead><tr><th>worker</th><th>connections</th><th>topics</th><th>published</th><th>delivered</th><th>dropped</th><th>lagging</th><th>flush p99</th><th>loop lag</th></tr></thead><tbody id="worker-rows"></tbody></table></div></section>
<section id="cluster" hidden><h2>Cluster</h2><p id="cluster-note"></p></section>
<div class="halves">
<section id="topics"><div class="title"><h2>Topics</h2><p id="topic-count"></p>
<div class="segments" id="topic-order" role="group" aria-label="Order of topics"><button type="button" data-by="rate" aria-pressed="true">by rate</button><button type="button" data-by="subscribers" aria-pressed="false">by subscribers</button></div></div>
<table class="listed"><thead><tr><th>topic</th><th>messages</th><th>subscribers</th></tr></thead><tbody id="topic-rows"></tbody></table>
<p class="empty" id="topics-empty" hidden>No topic has subscribers.</p></section>
<section id="refusals"><div class="title"><h2>Refused and cut</h2></div>
<table class="listed"><thead><tr><th>reason</th><th>last minute</th><th>since start</th></tr></thead><tbody id="refusal-rows"></tbody></table>
<p class="empty" id="refusals-empty">Nobody was refused, nobody was cut.</p></section>
</div>
${connections()}
${playground()}
</div>
</main>
<footer>Rates are over the last second. Flush is the time from a publish until its messages were written to the sockets, over one in
64 publishes, estimated from buckets that double. Loop lag is the worst of the last 5 to 10 seconds. Polling stops while this
page is in the background.</footer>`;
}

function login(): Markup {
  return html`<form id="login" class="panel" hidden><label for="admin-token">Admin token</label>
<div class="row"><input id="admin-token" type="password" autocomplete="current-password" spellcheck="false" required aria-describedby="login-note">
<button class="main">Sign in</button></div>
<p id="login-note">The relay was started with <code>--admin-token</code>. The token stays in this tab and is forgotten with it.</p></form>`;
}

function playground(): Markup {
  return html`<section id="playground"><div class="title"><h2>Playground</h2><p id="round-trip">Join both panes to one topic to see the round trip.</p></div>
<p class="note" id="playground-note"></p>
<div class="halves">${[pane('a', 'First'), pane('b', 'Second')]}</div></section>`;
}

function pane(key: string, name: string): Markup {
  return html`<div class="panel pane" id="pane-${key}" role="group" aria-label="${name} client">
<form class="join"><label class="grow">Topic<input name="topic" value="lobby" autocomplete="off" spellcheck="false"></label>
<label>Mode<select name="mode"><option>raw</option><option>fanwire.v1</option></select></label>
<label class="token" hidden>Token<input name="token" type="password" autocomplete="off" spellcheck="false"></label>
<button class="main" name="join">Join</button></form>
<p class="link" role="status">Not joined.</p>
<form class="send"><label class="grow">Message<input name="text" value="hello" autocomplete="off" spellcheck="false" disabled></label>
<label>As<select name="kind" disabled><option value="text">text</option><option value="hex">hex</option><option value="json" hidden>JSON</option></select></label>
<button name="send" disabled>Send</button>
<label class="check"><input type="checkbox" name="repeat" disabled> 5 a second</label></form>
<dl class="counts"><div><dt>sent</dt><dd data-count="sent">0</dd></div><div><dt>received</dt><dd data-count="received">0</dd></div><div><dt>bytes received</dt><dd data-count="bytes">0 B</dd></div></dl>
<ol class="messages" tabindex="0" aria-label="Messages of the ${name.toLowerCase()} client, newest first"></ol></div>`;
}

function connections(): Markup {
  return html`<section id="connections"><div class="title"><h2>Connections</h2>
<form id="filter" class="row"><select name="by" aria-label="Find by"><option>topic</option><option>user</option><option>address</option></select>
<input name="value" aria-label="Value, exactly" placeholder="exactly" autocomplete="off" spellcheck="false"><button>Find</button></form></div>
<div class="scroll"><table class="listed"><thead><tr><th>id</th><th>topics</th><th>user</th><th>address</th><th>mode</th><th>open for</th><th>sent</th><th>missed</th><th>waiting</th><th><span class="unseen">close</span></th></tr></thead><tbody id="connection-rows"></tbody></table></div>
<p class="empty" id="connections-empty" hidden>No connection.</p>
<div class="row pager"><button type="button" id="first-page" disabled>First page</button><button type="button" id="next-page" disabled>Next page</button><span id="page-note" role="status"></span></div></section>
<dialog id="confirm" aria-labelledby="confirm-what"><p id="confirm-what"></p><p class="note">It is closed with 1008. Its client may come back.</p>
<div class="row"><button type="button" id="confirm-no">Keep it</button><button type="button" id="confirm-yes" class="danger">Close it</button></div></dialog>`;
}

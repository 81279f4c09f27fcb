// Microsoft's own Node client against the sandbox at SANDBOX_URL: sign-in by the code flow, then folders, create, update, batch and
// delta. Prints one line of JSON and ends with status 0 if everything is as Microsoft documents it. node_modules comes from
// `npm install`.
import assert from 'node:assert/strict';
import {BatchRequestContent, BatchResponseContent, Client, GraphError, PageIterator} from '@microsoft/microsoft-graph-client';

const origin = process.env.SANDBOX_URL;
const user = process.env.SANDBOX_USER;
const redirect = process.env.SANDBOX_REDIRECT;
assert.ok(origin && user && redirect, 'SANDBOX_URL, SANDBOX_USER and SANDBOX_REDIRECT are needed');

async function signIn() {
  const scopes = ['openid', 'profile', 'offline_access', 'https://graph.microsoft.com/Contacts.ReadWrite', 'https://graph.microsoft.com/User.Read'];
  const query = new URLSearchParams({
    client_id: process.env.SANDBOX_CLIENT, redirect_uri: redirect, response_type: 'code', response_mode: 'query', scope: scopes.join(' '), state: 'state', login_hint: user,
  });
  const form = new URLSearchParams([['user', user], ['decision', 'allow'], ...scopes.map(s => ['scope', s])]);
  const page = await fetch(`${origin}/common/oauth2/v2.0/authorize?${query}`, {method: 'POST', body: form, redirect: 'manual'});
  assert.equal(page.status, 302);
  const back = new URL(page.headers.get('location'));
  const answer = await fetch(`${origin}/common/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code', code: back.searchParams.get('code'), redirect_uri: redirect,
      client_id: process.env.SANDBOX_CLIENT, client_secret: process.env.SANDBOX_SECRET,
    }),
  });
  assert.equal(answer.status, 200);
  const tokens = await answer.json();
  assert.ok(tokens.refresh_token && tokens.id_token);
  return tokens.access_token;
}

const token = await signIn();
const client = Client.init({
  baseUrl: `${origin}/`, defaultVersion: 'v1.0', customHosts: new Set([new URL(origin).hostname]),
  authProvider: done => done(null, token),
});
const immutable = {Prefer: 'IdType="ImmutableId"'};

const me = await client.api('/me').get();
assert.equal(me.userPrincipalName, user);

const folder = await client.api('/me/contactFolders').post({displayName: 'Node'});
const at = `/me/contactFolders/${folder.id}/contacts`;
const created = await client.api(at).headers(immutable).post({givenName: 'Node', surname: 'One', emailAddresses: [{address: 'one@example.com'}]});
assert.equal(created.displayName, 'Node One');

const batch = new BatchRequestContent(['Two', 'Three'].map((surname, i) => ({
  id: String(i + 1),
  request: new Request(`${origin}/v1.0${at}`, {
    method: 'POST', headers: {'Content-Type': 'application/json', ...immutable}, body: JSON.stringify({givenName: 'Node', surname}),
  }),
})));
const content = await batch.getContent();
for (const r of content.requests) r.url = r.url.slice(r.url.indexOf('/me/'));
const answers = new BatchResponseContent(await client.api('/$batch').post(content));
const made = [created];
for (const id of ['1', '2']) {
  const r = answers.getResponseById(id);
  assert.equal(r.status, 201);
  made.push(await r.json());
}

const updated = await client.api(`/me/contacts/${made[0].id}`).headers({...immutable, 'If-Match': made[0]['@odata.etag']}).patch({jobTitle: 'Buyer'});
assert.equal(updated.id, made[0].id);
assert.notEqual(updated['@odata.etag'], made[0]['@odata.etag']);

async function refusal(promise) {
  try {
    await promise;
  } catch (e) {
    assert.ok(e instanceof GraphError);
    return e;
  }
  assert.fail('the call was not refused');
}
const stale = await refusal(client.api(`/me/contacts/${made[0].id}`).header('If-Match', made[0]['@odata.etag']).patch({jobTitle: 'X'}));
assert.equal(stale.statusCode, 412);
assert.equal(stale.code, 'ErrorIrresolvableConflict');

async function round(link) {
  const items = [];
  const first = await client.api(link).headers({Prefer: 'odata.maxpagesize=2, IdType="ImmutableId"'}).get();
  const pages = new PageIterator(client, first, item => items.push(item), {headers: {Prefer: 'odata.maxpagesize=2, IdType="ImmutableId"'}});
  await pages.iterate();
  return {items, deltaLink: pages.getDeltaLink()};
}
const before = await round(`${at}/delta`);
assert.equal(before.items.length, 3);
await client.api(`/me/contacts/${made[2].id}`).delete();
const changes = await round(before.deltaLink);
assert.deepEqual(changes.items.map(c => [c.id, c['@removed']?.reason]), [[made[2].id, 'deleted']]);
const option = await refusal(client.api(`${at}/delta`).select('id').get());
assert.equal(option.code, 'ErrorInvalidUrlQuery');

console.log(JSON.stringify({created: made.length, listed: before.items.length, changes: changes.items.length}));

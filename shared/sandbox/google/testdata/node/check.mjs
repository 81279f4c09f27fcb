// Google's own Node client against the sandbox at SANDBOX_URL: sign-in by the code flow, then list, create, batch-update and sync.
// Prints one line of JSON and ends with status 0 if everything is as Google documents it. node_modules comes from `npm install`.
import assert from 'node:assert/strict';
import {google} from 'googleapis';

const origin = process.env.SANDBOX_URL;
const user = process.env.SANDBOX_USER;
const redirectUri = process.env.SANDBOX_REDIRECT;
assert.ok(origin && user && redirectUri, 'SANDBOX_URL, SANDBOX_USER and SANDBOX_REDIRECT are needed');

const contactsScope = 'https://www.googleapis.com/auth/contacts';
const mask = 'metadata,names,emailAddresses,memberships';
const sources = ['READ_SOURCE_TYPE_CONTACT'];

const auth = new google.auth.OAuth2({
  clientId: process.env.SANDBOX_CLIENT,
  clientSecret: process.env.SANDBOX_SECRET,
  redirectUri,
  endpoints: {
    oauth2AuthBaseUrl: `${origin}/o/oauth2/v2/auth`,
    oauth2TokenUrl: `${origin}/token`,
    oauth2RevokeUrl: `${origin}/revoke`,
  },
});

async function signIn() {
  const {codeVerifier, codeChallenge} = await auth.generateCodeVerifierAsync();
  const scope = ['openid', 'email', contactsScope];
  const url = auth.generateAuthUrl({
    access_type: 'offline', prompt: 'consent', include_granted_scopes: true, scope, state: 'state',
    code_challenge: codeChallenge, code_challenge_method: 'S256', login_hint: user,
  });
  const form = new URLSearchParams([['user', user], ['decision', 'allow'], ...scope.map(s => ['scope', s])]);
  const res = await fetch(url, {method: 'POST', body: form, redirect: 'manual'});
  assert.equal(res.status, 302);
  const back = new URL(res.headers.get('location'));
  assert.equal(back.searchParams.get('state'), 'state');
  const {tokens} = await auth.getToken({code: back.searchParams.get('code'), codeVerifier});
  assert.ok(tokens.refresh_token && tokens.id_token && tokens.scope.includes(contactsScope));
  auth.setCredentials(tokens);
  const {credentials} = await auth.refreshAccessToken();
  assert.notEqual(credentials.access_token, tokens.access_token);
}

async function list(people, extra = {}) {
  const all = [];
  let pageToken;
  for (;;) {
    const {data} = await people.people.connections.list({
      resourceName: 'people/me', personFields: mask, sources, pageSize: 2, requestSyncToken: true, ...extra, pageToken,
    });
    all.push(...(data.connections ?? []));
    if (!data.nextPageToken) return {all, syncToken: data.nextSyncToken};
    pageToken = data.nextPageToken;
  }
}

async function refusal(promise) {
  try {
    await promise;
  } catch (e) {
    return {status: e.response?.status, error: e.response?.data?.error};
  }
  assert.fail('the call was not refused');
}

await signIn();
const people = google.people({version: 'v1', auth, rootUrl: `${origin}/`});

const before = await list(people);

const created = await people.people.createContact({
  personFields: mask, sources, requestBody: {names: [{givenName: 'Node', familyName: 'One'}], emailAddresses: [{value: 'one@example.com', type: 'work'}]},
});
const batch = await people.people.batchCreateContacts({
  requestBody: {contacts: ['Two', 'Three'].map(familyName => ({contactPerson: {names: [{givenName: 'Node', familyName}]}})), readMask: mask, sources},
});
const made = [created.data, ...batch.data.createdPeople.map(r => r.person)];
assert.equal(made.length, 3);
assert.equal(made[0].memberships[0].contactGroupMembership.contactGroupId, 'myContacts');

const afterCreate = await list(people);
assert.equal(afterCreate.all.length, before.all.length + 3);

const update = person => ({etag: person.etag, metadata: {sources: person.metadata.sources}, names: [{givenName: 'Changed', familyName: person.names[0].familyName}]});
const updated = await people.people.batchUpdateContacts({
  requestBody: {contacts: Object.fromEntries(made.slice(0, 2).map(p => [p.resourceName, update(p)])), updateMask: 'names,emailAddresses', readMask: mask, sources},
});
const first = updated.data.updateResult[made[0].resourceName].person;
assert.equal(first.names[0].givenName, 'Changed');
assert.equal(first.emailAddresses, undefined);

const stale = await refusal(people.people.updateContact({
  resourceName: made[0].resourceName, updatePersonFields: 'names', requestBody: update(made[0]),
}));
assert.equal(stale.status, 400);
assert.equal(stale.error.status, 'FAILED_PRECONDITION');

await people.people.deleteContact({resourceName: made[2].resourceName});
const changes = await list(people, {syncToken: afterCreate.syncToken});
const deleted = changes.all.filter(p => p.metadata.deleted).map(p => p.resourceName);
assert.deepEqual(deleted, [made[2].resourceName]);
assert.equal(changes.all.length, 3);
const quiet = await list(people, {syncToken: changes.syncToken});
assert.equal(quiet.all.length, 0);

const groups = await people.contactGroups.list({pageSize: 100});
assert.ok(groups.data.contactGroups.some(g => g.resourceName === 'contactGroups/myContacts'));

const corrupt = await refusal(list(people, {syncToken: 'corrupt'}));
assert.equal(corrupt.error.status, 'INVALID_ARGUMENT');

console.log(JSON.stringify({created: made.length, updated: Object.keys(updated.data.updateResult).length, changes: changes.all.length, deleted: deleted.length}));

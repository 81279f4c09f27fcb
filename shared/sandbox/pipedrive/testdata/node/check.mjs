// Pipedrive's own Node client against the sandbox at SANDBOX_URL: sign-in by the code flow, then persons and organizations v2, fields,
// search, pictures, merge, filters and users v1. Prints one line of JSON and ends with status 0 if everything is as Pipedrive documents
// it. node_modules comes from `npm install`.
import assert from 'node:assert/strict';
import * as v1 from 'pipedrive/v1';
import * as v2 from 'pipedrive/v2';

const origin = process.env.SANDBOX_URL;
const user = process.env.SANDBOX_USER;
const redirectUri = process.env.SANDBOX_REDIRECT;
assert.ok(origin && user && redirectUri, 'SANDBOX_URL, SANDBOX_USER and SANDBOX_REDIRECT are needed');

const app = {clientId: process.env.SANDBOX_CLIENT, clientSecret: process.env.SANDBOX_SECRET, redirectUri, host: origin};

// consent clicks "Allow" on the page that the client's own address opens, and returns the code.
async function consent(url) {
  const form = new URLSearchParams([['user', user], ['decision', 'allow']]);
  const res = await fetch(url, {method: 'POST', body: form, redirect: 'manual'});
  assert.equal(res.status, 302);
  return new URL(res.headers.get('location')).searchParams.get('code');
}

// refusal returns the error text of a call that must fail: the client rejects with the answer's body.
async function refusal(promise) {
  try {
    await promise;
  } catch (body) {
    assert.equal(body.success, false);
    return body.error;
  }
  assert.fail('the call was not refused');
}

const oauth = new v2.OAuth2Configuration(app);
const token = await oauth.authorize(await consent(oauth.authorizationUrl));
assert.equal(token.api_domain, origin);
assert.ok(token.scope.split(',').includes('contacts:full'));
const refreshed = await oauth.tokenRefresh();
assert.equal(refreshed.refresh_token, token.refresh_token);
assert.notEqual(refreshed.access_token, token.access_token);
assert.equal(oauth.basePath, `${origin}/api/v2`);

const accessToken = () => oauth.getAccessToken();
const two = new v2.Configuration({accessToken, basePath: `${origin}/api/v2`});
const one = new v1.Configuration({accessToken, basePath: `${origin}/api/v1`});
const persons = new v2.PersonsApi(two);
const organizations = new v2.OrganizationsApi(two);

const me = (await new v1.UsersApi(one).getCurrentUser()).data;
assert.equal(me.email, user);
assert.ok(me.company_id && me.access.length > 0);

const field = (await new v2.PersonFieldsApi(two).addPersonField({
  AddPersonFieldRequest: {field_name: 'Contact source', field_type: 'enum', options: [{label: 'Address book'}, {label: 'Trade fair'}]},
})).data;
assert.match(field.field_code, /^[0-9a-f]{40}$/);

const organization = (await organizations.addOrganization({AddOrganizationRequest: {name: 'Nordkai AS', owner_id: me.id}})).data;
const made = [];
for (const name of ['Node One', 'Node Two', 'Node Three']) {
  const email = `${name.toLowerCase().replace(' ', '.')}@nordkai.example`;
  made.push((await persons.addPerson({AddPersonRequest: {
    name, org_id: organization.id, emails: [{value: email, primary: true, label: 'work'}], custom_fields: {[field.field_code]: field.options[0].id},
  }})).data);
}
assert.equal(made[0].first_name, 'Node');
assert.equal(made[0].custom_fields[field.field_code], field.options[0].id);

async function list(params) {
  const all = [];
  for (let cursor; ;) {
    const page = await persons.getPersons({limit: 2, ...params, cursor});
    all.push(...page.data);
    cursor = page.additional_data.next_cursor;
    if (!cursor) return all;
  }
}
const listed = await list({sort_by: 'update_time', updated_since: made[0].update_time});
assert.deepEqual(listed.map(p => p.id), made.map(p => p.id));

const updated = (await persons.updatePerson({id: made[0].id, UpdatePersonRequest: {phones: [{value: '+372 5555 0172', label: 'mobile'}]}})).data;
assert.equal(updated.phones[0].primary, true);
assert.equal(updated.emails.length, 1);

const found = await persons.searchPersons({term: 'node.two@nordkai.example', fields: 'email', exact_match: true});
assert.equal(found.data.items[0].item.id, made[1].id);

const old = new v1.PersonsApi(one);
const merged = (await old.mergePersons({id: made[1].id, MergePersonsRequest: {merge_with_id: made[0].id}})).data;
assert.equal(merged.merge_what_id, made[1].id);

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
await old.addPersonPicture({id: made[0].id, file: new File([Buffer.from(pixel, 'base64')], 'photo.png', {type: 'image/png'})});
const picture = (await persons.getPersonPicture({id: made[0].id})).data;
assert.equal((await fetch(picture.pictures['512'])).headers.get('content-type'), 'image/jpeg');

const filter = (await new v1.FiltersApi(one).addFilter({AddFilterRequest: {name: 'With telephone', type: 'people', conditions: {glue: 'and', conditions: [
  {glue: 'and', conditions: [{object: 'person', field_id: '9005', operator: 'IS NOT NULL', value: null, extra_value: null}]}, {glue: 'or', conditions: []}]}}})).data;
const filtered = await list({filter_id: filter.id});
assert.deepEqual(filtered.map(p => p.id), [made[0].id]);

assert.equal(await refusal(persons.getPerson({id: 99999})), 'Person not found');
assert.match(await refusal(persons.addPerson({AddPersonRequest: {name: 'A', job_title: 'B'}})), /contact sync/);
await persons.deletePerson({id: made[2].id});
assert.equal((await persons.getPerson({id: made[2].id})).data.is_deleted, true);
const left = await list({});
assert.deepEqual((await new v1.WebhooksApi(one).getWebhooks()).data, []);

await oauth.revokeToken('refresh_token');
assert.equal(await refusal(persons.getPersons({})), 'unauthorized access');

console.log(JSON.stringify({created: made.length, listed: listed.length, filtered: filtered.length, left: left.length}));

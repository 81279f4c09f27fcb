// HubSpot's own Node client against the sandbox at SANDBOX_URL: sign-in by the code flow, then contacts with search, batches and merge,
// properties, companies and associations, segments and owners. Prints one line of JSON and ends with status 0 if everything is as HubSpot
// documents it. node_modules comes from `npm install`.
import assert from 'node:assert/strict';
import {Client, Signature} from '@hubspot/api-client';

const {SANDBOX_URL: basePath, SANDBOX_USER: user, SANDBOX_REDIRECT: redirect, SANDBOX_CLIENT: id, SANDBOX_SECRET: secret} = process.env;
assert.ok(basePath && user && redirect && id && secret, 'SANDBOX_URL, SANDBOX_USER, SANDBOX_REDIRECT, SANDBOX_CLIENT and SANDBOX_SECRET are needed');

const client = new Client({basePath, numberOfApiCallRetries: 3});

// refusal returns the answer of a call that must fail.
async function refusal(promise) {
  try {
    await promise;
  } catch (e) {
    assert.ok(e.code >= 400, e.stack);
    return e;
  }
  assert.fail('the call should have failed');
}

// Sign in: the client makes the address of the consent page, at HubSpot's host.
const required = 'oauth crm.objects.contacts.read crm.objects.contacts.write crm.objects.companies.read crm.objects.companies.write';
const optional = 'crm.objects.owners.read crm.schemas.contacts.read crm.schemas.contacts.write crm.lists.read crm.lists.write';
const page = new URL(client.oauth.getAuthorizationUrl(id, redirect, required, optional, 'state-1'));
assert.equal(page.host, 'app.hubspot.com');
const form = new URLSearchParams([['user', user], ['decision', 'allow']]);
const consent = await fetch(basePath + page.pathname + page.search, {method: 'POST', body: form, redirect: 'manual'});
assert.equal(consent.status, 302);
const back = new URL(consent.headers.get('location')).searchParams;
assert.equal(back.get('state'), 'state-1');
const first = await client.oauth.tokensApi.create('authorization_code', back.get('code'), redirect, id, secret);
const token = await client.oauth.tokensApi.create('refresh_token', undefined, undefined, id, secret, first.refreshToken);
assert.equal(token.refreshToken, first.refreshToken);
assert.equal(token.expiresIn, 1800);
client.setAccessToken(token.accessToken);

const {contacts, companies, properties, lists, owners, associations} = client.crm;

await properties.groupsApi.create('contacts', {name: 'contact_sync', label: 'Contact sync', displayOrder: -1});
const property = await properties.coreApi.create('contacts', {groupName: 'contact_sync', name: 'sync_uid', label: 'Contact sync id', type: 'string', fieldType: 'text', hasUniqueValue: true, formField: false});
assert.equal(property.hasUniqueValue, true);
const catalogue = await properties.coreApi.getAll('contacts', false);
assert.ok(catalogue.results.find(p => p.name === 'email' && p.modificationMetadata.readOnlyValue === false));

const owner = (await owners.ownersApi.getPage(user)).results[0];
assert.notEqual(owner.id, String(owner.userId));

const company = await companies.basicApi.create({properties: {name: 'Nordkai AS'}, associations: []});
const jon = await contacts.basicApi.create({
  properties: {email: 'jon.berg@nordkai.example', firstname: 'Jon', lastname: 'Berg', hubspot_owner_id: owner.id},
  associations: [{to: {id: company.id}, types: [{associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 279}]}],
});
assert.equal(jon.properties.lifecyclestage, 'lead');
const linked = await associations.v4.basicApi.getPage('contacts', jon.id, 'companies');
assert.equal(String(linked.results[0].toObjectId), company.id);

const batch = await contacts.batchApi.create({inputs: [
  {objectWriteTraceId: 'w-1', properties: {email: 'ines.kask@nordkai.example', firstname: 'Ines'}, associations: []},
  {objectWriteTraceId: 'w-2', properties: {email: 'not-an-email', firstname: 'Broken'}, associations: []},
]});
assert.equal(batch.numErrors, 1);
assert.equal(batch.errors[0].context.objectWriteTraceId[0], 'w-2');
assert.match(batch.errors[0].message, /INVALID_EMAIL/);
const ines = batch.results[0];

const taken = await refusal(contacts.basicApi.create({properties: {email: 'jon.berg@nordkai.example'}, associations: []}));
assert.equal(taken.code, 409);
assert.match(taken.body.message, new RegExp(`Existing ID: ${jon.id}$`));

await contacts.batchApi.update({inputs: [{id: ines.id, properties: {jobtitle: 'Buyer'}}]});
const read = await contacts.batchApi.read({properties: ['jobtitle', 'phone'], propertiesWithHistory: [], inputs: [{id: ines.id}]});
assert.deepEqual([read.results[0].properties.jobtitle, read.results[0].properties.phone], ['Buyer', null]);
await contacts.batchApi.upsert({inputs: [{id: 'u-7781', idProperty: 'sync_uid', properties: {firstname: 'Third'}}]});

const listed = await contacts.getAll(1, undefined, ['email', 'firstname']);
const found = await contacts.searchApi.doSearch({
  filterGroups: [{filters: [{propertyName: 'jobtitle', operator: 'EQ', value: 'Buyer'}]}],
  sorts: [{propertyName: 'hs_object_id', direction: 'ASCENDING'}], properties: ['email'], limit: 200, after: '0',
});
assert.equal(found.results[0].id, ines.id);

const list = (await lists.listsApi.create({name: 'Key accounts', objectTypeId: '0-1', processingType: 'MANUAL'})).list;
const joined = await lists.membershipsApi.addAndRemove(list.listId, {recordIdsToAdd: [jon.id, ines.id], recordIdsToRemove: []});
assert.equal(joined.recordsIdsAdded.length, 2);
const members = await lists.membershipsApi.getPage(list.listId, undefined, undefined, 250);
const search = await lists.listsApi.doSearch({offset: 0, count: 500, query: 'key', additionalProperties: ['hs_list_size']});
assert.equal(search.lists[0].listId, list.listId);

const merged = await contacts.basicApi.merge({primaryObjectId: jon.id, objectIdToMerge: ines.id});
assert.notEqual(merged.id, jon.id);
const survivor = await contacts.basicApi.getById(ines.id, ['hs_merged_object_ids', 'hs_additional_emails']);
assert.equal(survivor.id, merged.id);
assert.equal(survivor.properties.hs_merged_object_ids, `${jon.id};${ines.id}`);

await contacts.basicApi.archive(merged.id);
assert.equal((await refusal(contacts.basicApi.getById(merged.id))).code, 404);
const archived = await contacts.basicApi.getById(merged.id, undefined, undefined, undefined, true);
assert.equal(archived.archived, true);
const left = await contacts.getAll();

// The client's own reading of a signature of version 3.
const signed = JSON.parse(process.env.SANDBOX_SIGNED);
assert.ok(Signature.isValid({...signed, clientSecret: secret, signatureVersion: 'v3'}));

const account = await (await client.apiRequest({path: '/account-info/v3/details'})).json();
assert.ok(account.portalId > 0);
await client.apiRequest({method: 'DELETE', path: '/appinstalls/v3/external-install'});
assert.equal((await refusal(contacts.basicApi.getPage())).code, 401);

console.log(JSON.stringify({listed: listed.length, found: found.total, members: members.results.length, left: left.length}));

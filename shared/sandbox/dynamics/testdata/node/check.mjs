// DynamicsWebApi, a widely used client of the Dataverse Web API, against the sandbox at SANDBOX_URL with the token SANDBOX_TOKEN: rows,
// listings, change tracking, versions, lookups, batches and actions. Microsoft publishes no client of the Web API for Node. Prints one
// line of JSON and ends with status 0 if everything is as documented. node_modules comes from `npm install`.
import assert from 'node:assert/strict';
import {DynamicsWebApi} from 'dynamics-web-api';

const origin = process.env.SANDBOX_URL;
const token = process.env.SANDBOX_TOKEN;
assert.ok(origin && token, 'SANDBOX_URL and SANDBOX_TOKEN are needed');

const api = new DynamicsWebApi({serverUrl: origin, dataApi: {version: '9.2'}, onTokenRefresh: async () => token});

// refusal returns the error of a call that must fail.
async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return {status: error.status, code: error.code};
  }
  assert.fail('the call was not refused');
}

const me = await api.callFunction({name: 'WhoAmI'});
assert.match(me.OrganizationId, /^[0-9a-f-]{36}$/);

const account = await api.create({collection: 'accounts', data: {name: 'Kitano Seiki K.K.'}});
const made = [];
for (const firstname of ['One', 'Two', 'Three']) {
  made.push(await api.create({collection: 'contacts', data: {firstname, lastname: 'Node', 'parentcustomerid_account@odata.bind': `/accounts(${account})`}}));
}

const row = await api.retrieve({collection: 'contacts', key: made[0], select: ['fullname', '_parentcustomerid_value'], includeAnnotations: '*'});
assert.equal(row.fullname, 'One Node');
assert.equal(row['_parentcustomerid_value@OData.Community.Display.V1.FormattedValue'], 'Kitano Seiki K.K.');

const all = await api.retrieveAll({collection: 'contacts', select: ['firstname'], maxPageSize: 2});
assert.deepEqual(all.value.map(c => c.contactid), made);
const some = await api.retrieveMultiple({collection: 'contacts', select: ['firstname'], filter: "startswith(firstname,'T') and statecode eq 0", orderBy: ['firstname desc'], count: true});
assert.deepEqual(some.value.map(c => c.firstname), ['Two', 'Three']);
assert.equal(some.oDataCount, 2);

const tracked = await api.retrieveMultiple({collection: 'contacts', select: ['firstname'], trackChanges: true});
assert.ok(tracked.oDataDeltaLink);

const changed = await api.update({collection: 'contacts', key: made[0], data: {jobtitle: 'Buyer'}, ifmatch: row['@odata.etag'], returnRepresentation: true, select: ['jobtitle']});
assert.equal(changed.jobtitle, 'Buyer');
assert.equal(await api.update({collection: 'contacts', key: made[0], data: {jobtitle: 'Seller'}, ifmatch: row['@odata.etag']}), false);
assert.deepEqual(await refusal(api.update({collection: 'contacts', key: made[0], data: {firstname: 'x'.repeat(51)}})), {status: 400, code: '0x80044331'});
const guid = '3f6c1a52-9b1d-ee11-8f6d-000d3a1b2c3d';
assert.deepEqual(await refusal(api.update({collection: 'contacts', key: guid, data: {firstname: 'x'}})), {status: 404, code: '0x80040217'});
await api.upsert({collection: 'contacts', key: guid, data: {firstname: 'Four'}, ifnonematch: '*'});

api.startBatch();
api.update({collection: 'contacts', key: made[1], data: {jobtitle: 'Batch'}});
api.create({collection: 'contacts', data: {firstname: 'Five'}});
api.deleteRecord({collection: 'contacts', key: made[2]});
const batch = await api.executeBatch();
assert.equal(batch.length, 3);
assert.match(batch[1], /^[0-9a-f-]{36}$/);

const list = await api.create({collection: 'lists', data: {listname: 'Fair', createdfromcode: 2, type: false}});
await api.callAction({collection: 'lists', key: list, actionName: 'Microsoft.Dynamics.CRM.AddMemberList', action: {EntityId: made[0]}});
const members = await api.retrieveMultiple({collection: `lists(${list})/listcontact_association`, select: ['contactid']});
assert.deepEqual(members.value.map(c => c.contactid), [made[0]]);

const link = new URL(tracked.oDataDeltaLink);
const later = await api.retrieveMultiple({collection: 'contacts', select: ['firstname'], queryParams: [`$deltatoken=${encodeURIComponent(link.searchParams.get('$deltatoken'))}`]});
const gone = later.value.filter(c => c.reason === 'deleted').map(c => c.id);
assert.deepEqual(gone, [made[2]]);

console.log(JSON.stringify({created: made.length, listed: all.value.length, batched: batch.length, changes: later.value.length - gone.length}));

package dynamics

// The columns of the tables around contacts and leads: those that a contact sync meets. The notation is that of parseColumns.

const accountColumns = `
key: accountid
text 160: name
text 20: accountnumber
text 100: emailaddress1
text 50: fax telephone1 telephone2
text 200: websiteurl
text 80: address1_city address1_country
text 250: address1_line1
text 20: address1_postalcode
text 50: address1_stateorprovince
memo 2000: description
long ro: versionnumber
datetime ro: createdon modifiedon
bool ro: merged
lookup ro: createdby masterid modifiedby owningbusinessunit owninguser
lookup: ownerid=systemuser|team
choice: statecode 0=Active; 1=Inactive
choice: statuscode 1=Active/0; 2=Inactive/1
`

const systemUserColumns = `
key: systemuserid
text 200 ro: fullname
text 100 ro: internalemailaddress domainname
text 50 ro: firstname lastname
guid ro: azureactivedirectoryobjectid
bool ro: isdisabled
choice ro: accessmode 0=Read-Write; 1=Administrative; 2=Read; 3=Support User; 4=Non-interactive; 5=Delegated Admin
long ro: versionnumber
datetime ro: createdon modifiedon
lookup ro: businessunitid
`

const listColumns = `
key: listid
text 128: listname
text 100: purpose
memo 2000: description
bool: lockstatus type
memo 1073741823: query
choice: createdfromcode 1=Account; 2=Contact; 4=Lead
int ro: membercount
long ro: versionnumber
datetime ro: createdon modifiedon
lookup ro: createdby modifiedby owningbusinessunit owninguser
lookup: ownerid=systemuser|team
choice: statecode 0=Active; 1=Inactive
choice: statuscode 0=Active/0; 1=Inactive/1
`

const listMemberColumns = `
key: listmemberid
lookup ro: listid=list entityid=contact|lead|account
text 64 ro: entitytype
long ro: versionnumber
datetime ro: createdon modifiedon
`

const savedQueryColumns = `
key: savedqueryid
text 200 ro: name
text 64 ro: returnedtypecode
int ro: querytype
bool ro: isdefault
memo 1073741823 ro: fetchxml
long ro: versionnumber
datetime ro: createdon modifiedon
choice ro: statecode 0=Active; 1=Inactive
choice ro: statuscode 1=Active/0; 2=Inactive/1
`

const userQueryColumns = `
key: userqueryid
text 200 ro: name
text 64 ro: returnedtypecode
int ro: querytype
memo 1073741823 ro: fetchxml
long ro: versionnumber
datetime ro: createdon modifiedon
lookup ro: ownerid=systemuser|team owninguser
choice ro: statecode 0=Active; 1=Inactive
choice ro: statuscode 1=Active/0; 2=Inactive/1
`

const privilegeColumns = `
key: privilegeid
text 100 ro: name
int ro: accessright
long ro: versionnumber
datetime ro: createdon modifiedon
`

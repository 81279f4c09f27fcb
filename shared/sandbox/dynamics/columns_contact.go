package dynamics

// contactColumns are the columns of contacts as shipped, in the notation of parseColumns.
const contactColumns = `
lookup ro: accountid createdby createdbyexternalparty createdonbehalfby masterid modifiedby modifiedbyexternalparty modifiedonbehalfby
	owningbusinessunit owningteam owninguser parentcontactid slainvokedid
guid: address1_addressid address2_addressid address3_addressid processid stageid
text 80: address1_city address1_country address2_city address2_country address3_city address3_country
text ro: address1_composite address2_composite address3_composite entityimage_url
text 50: address1_county address1_fax address1_stateorprovince address1_telephone1 address1_telephone2 address1_telephone3 address2_county
	address2_fax address2_stateorprovince address2_telephone1 address2_telephone2 address2_telephone3 address3_county address3_fax
	address3_stateorprovince address3_telephone1 address3_telephone2 address3_telephone3 assistantphone business2 callback company employeeid
	externaluseridentifier fax firstname governmentid home2 lastname managerphone middlename mobilephone pager telephone1 telephone2
	telephone3
int choice: address1_freighttermscode address1_shippingmethodcode address2_freighttermscode address2_shippingmethodcode
	address3_freighttermscode address3_shippingmethodcode
double -90..90: address1_latitude address2_latitude address3_latitude
text 250: address1_line1 address1_line2 address1_line3 address2_line1 address2_line2 address2_line3 address3_line1 address3_line2
	address3_line3
double -180..180: address1_longitude address2_longitude address3_longitude
text 200: address1_name ftpsiteurl websiteurl
text 20: address1_postalcode address1_postofficebox address2_postalcode address2_postofficebox address3_postalcode address3_postofficebox
text 100: address1_primarycontactname address2_name address2_primarycontactname address3_name address3_primarycontactname assistantname
	department emailaddress1 emailaddress2 emailaddress3 jobtitle managername nickname salutation spousesname
text 4: address1_upszone address2_upszone address3_upszone
int -1500..1500: address1_utcoffset address2_utcoffset address3_utcoffset
decimal 0..100000000000000 ro: aging30 aging60 aging90
decimal -922337203685477..922337203685477 ro: aging30_base aging60_base aging90_base annualincome_base creditlimit_base
date: anniversary birthdate
decimal 0..100000000000000: annualincome creditlimit
text 255: childrensnames
key: contactid
datetime ro: createdon modifiedon
bool: creditonhold donotbulkemail donotbulkpostalmail donotemail donotfax donotphone donotpostalmail donotsendmm followemail
	isbackofficecustomer marketingonly participatesinworkflow
lookup: defaultpricelevelid preferredequipmentid preferredserviceid slaid
memo 2000: description
binary: entityimage
long ro: entityimage_timestamp versionnumber
guid ro: entityimageid
decimal 1E-10..100000000000 ro: exchangerate
text 160 ro: fullname
int: importsequencenumber timezoneruleversionnumber utcconversiontimezonecode
datetime: lastonholdtime lastusedincampaign
bool ro: merged
int 0..1000000000: numberofchildren
int -2147483648..2147483647 ro: onholdtime
datetime create: overriddencreatedon
text 10: suffix
text 1250 ro: timespentbymeonemailandmeetings
text 1250: traversedpath
text 150: yomifirstname yomilastname yomimiddlename
text 450 ro: yomifullname
lookup: originatingleadid=lead
lookup: ownerid=systemuser|team
lookup: parentcustomerid=account|contact split
lookup: preferredsystemuserid=systemuser
lookup: transactioncurrencyid=transactioncurrency
choice: accountrolecode 1=Decision Maker; 2=Employee; 3=Influencer
choice: address1_addresstypecode 1=Bill To; 2=Ship To; 3=Primary; 4=Other
choice: address2_addresstypecode 1=Default Value
choice: address3_addresstypecode 1=Default Value
choice: customersizecode 1=Default Value
choice: customertypecode 1=Default Value
choice: educationcode 1=Default Value
choice: familystatuscode 1=Single; 2=Married; 3=Divorced; 4=Widowed
choice: gendercode 1=Male; 2=Female
choice: haschildrencode 1=Default Value
choice: leadsourcecode 1=Default Value
choice: paymenttermscode 1=Net 30; 2=2% 10, Net 30; 3=Net 45; 4=Net 60
choice: preferredappointmentdaycode 0=Sunday; 1=Monday; 2=Tuesday; 3=Wednesday; 4=Thursday; 5=Friday; 6=Saturday
choice: preferredappointmenttimecode 1=Morning; 2=Afternoon; 3=Evening
choice: preferredcontactmethodcode 1=Any; 2=Email; 3=Phone; 4=Fax; 5=Mail
choice: shippingmethodcode 1=Default Value
choice: statecode 0=Active; 1=Inactive
choice: statuscode 1=Active/0; 2=Inactive/1
choice: territorycode 1=Default Value
`

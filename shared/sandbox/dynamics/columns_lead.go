package dynamics

// leadColumns are the columns of leads as shipped, in the notation of parseColumns.
const leadColumns = `
lookup ro: accountid contactid createdby createdonbehalfby masterid modifiedby modifiedonbehalfby owningbusinessunit owningteam owninguser
	slainvokedid
guid: address1_addressid address2_addressid processid stageid
text 80: address1_city address1_country address2_city address2_country
text 1000 ro: address1_composite address2_composite
text 50: address1_county address1_fax address1_stateorprovince address1_telephone1 address1_telephone2 address1_telephone3 address2_county
	address2_fax address2_stateorprovince address2_telephone1 address2_telephone2 address2_telephone3 fax firstname lastname middlename
	telephone1 telephone2 telephone3
double -90..90: address1_latitude address2_latitude
text 250: address1_line1 address1_line2 address1_line3 address2_line1 address2_line2 address2_line3
double -180..180: address1_longitude address2_longitude
text 100: address1_name address2_name companyname emailaddress1 emailaddress2 emailaddress3 jobtitle salutation yomicompanyname
text 20: address1_postalcode address1_postofficebox address2_postalcode address2_postofficebox mobilephone pager sic
text 4: address1_upszone address2_upszone
int -1500..1500: address1_utcoffset address2_utcoffset
decimal 0..1000000000000: budgetamount estimatedamount
decimal -922337203685477..922337203685477 ro: budgetamount_base estimatedamount_base revenue_base
bool: confirminterest decisionmaker donotbulkemail donotemail donotfax donotphone donotpostalmail donotsendmm evaluatefit followemail
	participatesinworkflow
datetime ro: createdon modifiedon
memo 2000: description qualificationcomments
binary: entityimage
long ro: entityimage_timestamp versionnumber
text ro: entityimage_url
guid ro: entityimageid
datetime: estimatedclosedate lastonholdtime lastusedincampaign schedulefollowup_prospect schedulefollowup_qualify
double 0..1000000000: estimatedvalue
decimal 1E-10..100000000000 ro: exchangerate
text 160 ro: fullname
int: importsequencenumber timezoneruleversionnumber utcconversiontimezonecode
key: leadid
bool ro: merged
int 0..1000000: numberofemployees
int -2147483648..2147483647 ro: onholdtime
lookup: originatingcaseid qualifyingopportunityid relatedobjectid slaid
datetime create: overriddencreatedon
decimal 0..100000000000000: revenue
text 300: subject
text 1250 ro: timespentbymeonemailandmeetings
text 1250: traversedpath
text 200: websiteurl
text 150: yomifirstname yomilastname yomimiddlename
text 450 ro: yomifullname
lookup: campaignid=campaign
lookup: ownerid=systemuser|team
lookup: parentaccountid=account
lookup: parentcontactid=contact
lookup: transactioncurrencyid=transactioncurrency
choice: address1_addresstypecode 1=Default Value
choice: address1_shippingmethodcode 1=Default Value
choice: address2_addresstypecode 1=Default Value
choice: address2_shippingmethodcode 1=Default Value
choice: budgetstatus 0=No Committed Budget; 1=May Buy; 2=Can Buy; 3=Will Buy
choice: industrycode 1=Accounting; 2=Agriculture and Non-petrol Natural Resource Extraction; 3=Broadcasting Printing and Publishing;
	4=Brokers; 5=Building Supply Retail; 6=Business Services; 7=Consulting; 8=Consumer Services; 9=Design, Direction and Creative Management;
	10=Distributors, Dispatchers and Processors; 11=Doctor's Offices and Clinics; 12=Durable Manufacturing; 13=Eating and Drinking Places;
	14=Entertainment Retail; 15=Equipment Rental and Leasing; 16=Financial; 17=Food and Tobacco Processing;
	18=Inbound Capital Intensive Processing; 19=Inbound Repair and Services; 20=Insurance; 21=Legal Services; 22=Non-Durable Merchandise Retail;
	23=Outbound Consumer Service; 24=Petrochemical Extraction and Distribution; 25=Service Retail; 26=SIG Affiliations; 27=Social Services;
	28=Special Outbound Trade Contractors; 29=Specialty Realty; 30=Transportation; 31=Utility Creation and Distribution; 32=Vehicle Retail;
	33=Wholesale
choice: initialcommunication 0=Contacted; 1=Not Contacted
choice: leadqualitycode 1=Hot; 2=Warm; 3=Cold
choice: leadsourcecode 1=Advertisement; 2=Employee Referral; 3=External Referral; 4=Partner; 5=Public Relations; 6=Seminar; 7=Trade Show;
	8=Web; 9=Word of Mouth; 10=Other
choice: need 0=Must have; 1=Should have; 2=Good to have; 3=No need
choice: preferredcontactmethodcode 1=Any; 2=Email; 3=Phone; 4=Fax; 5=Mail
choice: prioritycode 1=Default Value
choice: purchaseprocess 0=Individual; 1=Committee; 2=Unknown
choice: purchasetimeframe 0=Immediate; 1=This Quarter; 2=Next Quarter; 3=This Year; 4=Unknown
choice: salesstage 0=Qualify
choice: salesstagecode 1=Default Value
choice: statecode 0=Open; 1=Qualified; 2=Disqualified
choice: statuscode 1=New/0; 2=Contacted/0; 3=Qualified/1; 4=Lost/2; 5=Cannot Contact/2; 6=No Longer Interested/2; 7=Canceled/2
`

package hubspot

// HubSpot's own properties, as far as they matter here: name, label, type, field type, group and flags. The flag r stands for a value
// that nobody can write, c for one that is calculated.
var builtinRows = map[*kind][][6]string{
	&contactKind: {
		{"address", "Street Address", "string", "text", "contactinformation", ""},
		{"associatedcompanyid", "Primary Associated Company ID", "number", "number", "contactinformation", "rc"},
		{"city", "City", "string", "text", "contactinformation", ""},
		{"company", "Company Name", "string", "text", "contactinformation", ""},
		{"country", "Country/Region", "string", "text", "contactinformation", ""},
		{"createdate", "Create Date", "datetime", "date", "contactinformation", "r"},
		{"date_of_birth", "Date of birth", "string", "text", "contactinformation", ""},
		{"email", "Email", "string", "text", "contactinformation", ""},
		{"fax", "Fax Number", "string", "text", "contactinformation", ""},
		{"firstname", "First Name", "string", "text", "contactinformation", ""},
		{"hs_additional_emails", "Additional email addresses", "enumeration", "checkbox", "contactinformation", "r"},
		{"hs_email_domain", "Email Domain", "string", "text", "contactinformation", "rc"},
		{"hs_merged_object_ids", "Merged record IDs", "enumeration", "checkbox", "contactinformation", "r"},
		{"hs_object_id", "Record ID", "number", "number", "contactinformation", "r"},
		{"hs_object_source", "Record creation source", "string", "text", "contactinformation", "r"},
		{"hs_object_source_id", "Record creation source ID", "string", "text", "contactinformation", "r"},
		{"hs_object_source_label", "Record source", "enumeration", "select", "contactinformation", "r"},
		{"hs_predictivecontactscore_v2", "Likelihood to close", "number", "number", "contactinformation", "rc"},
		{"hs_searchable_calculated_phone_number", "Calculated phone number without country code", "string", "text", "contactinformation", "rc"},
		{"hubspot_owner_id", "Contact owner", "enumeration", "select", "sales_properties", ""},
		{"jobtitle", "Job Title", "string", "text", "contactinformation", ""},
		{"lastmodifieddate", "Last Modified Date", "datetime", "date", "contactinformation", "r"},
		{"lastname", "Last Name", "string", "text", "contactinformation", ""},
		{"lifecyclestage", "Lifecycle Stage", "enumeration", "radio", "contactinformation", ""},
		{"mobilephone", "Mobile Phone Number", "string", "phonenumber", "contactinformation", ""},
		{"phone", "Phone Number", "string", "phonenumber", "contactinformation", ""},
		{"salutation", "Salutation", "string", "text", "contactinformation", ""},
		{"state", "State/Region", "string", "text", "contactinformation", ""},
		{"website", "Website URL", "string", "text", "contactinformation", ""},
		{"zip", "Postal Code", "string", "text", "contactinformation", ""},
	},
	&companyKind: {
		{"address", "Street Address", "string", "text", "companyinformation", ""},
		{"city", "City", "string", "text", "companyinformation", ""},
		{"country", "Country/Region", "string", "text", "companyinformation", ""},
		{"createdate", "Create Date", "datetime", "date", "companyinformation", "r"},
		{"domain", "Company Domain Name", "string", "text", "companyinformation", ""},
		{"hs_lastmodifieddate", "Last Modified Date", "datetime", "date", "companyinformation", "r"},
		{"hs_merged_object_ids", "Merged record IDs", "enumeration", "checkbox", "companyinformation", "r"},
		{"hs_object_id", "Record ID", "number", "number", "companyinformation", "r"},
		{"hubspot_owner_id", "Company owner", "enumeration", "select", "companyinformation", ""},
		{"lifecyclestage", "Lifecycle Stage", "enumeration", "radio", "companyinformation", ""},
		{"name", "Company name", "string", "text", "companyinformation", ""},
		{"num_associated_contacts", "Number of Associated Contacts", "number", "number", "companyinformation", "rc"},
		{"phone", "Phone Number", "string", "phonenumber", "companyinformation", ""},
		{"state", "State/Region", "string", "text", "companyinformation", ""},
		{"website", "Website URL", "string", "text", "companyinformation", ""},
		{"zip", "Postal Code", "string", "text", "companyinformation", ""},
	},
}

// builtinGroups are HubSpot's own groups of properties.
var builtinGroups = map[*kind][]group{
	&contactKind: {{Name: "contactinformation", Label: "Contact information"}, {Name: "sales_properties", Label: "Sales properties", Order: 1}},
	&companyKind: {{Name: "companyinformation", Label: "Company information"}},
}

// lifecycleStages are the stages of a new portal, in order.
var lifecycleStages = []option{
	{Value: "subscriber", Label: "Subscriber"}, {Value: "lead", Label: "Lead", Order: 1}, {Value: "marketingqualifiedlead", Label: "Marketing Qualified Lead", Order: 2},
	{Value: "salesqualifiedlead", Label: "Sales Qualified Lead", Order: 3}, {Value: "opportunity", Label: "Opportunity", Order: 4},
	{Value: "customer", Label: "Customer", Order: 5}, {Value: "evangelist", Label: "Evangelist", Order: 6}, {Value: "other", Label: "Other", Order: 7},
}

// builtins are the same as properties, by name.
var builtins = func() map[*kind]map[string]*property {
	out := map[*kind]map[string]*property{}
	for k, rows := range builtinRows {
		out[k] = map[string]*property{}
		for _, r := range rows {
			out[k][r[0]] = &property{Name: r[0], Label: r[1], Type: r[2], FieldType: r[3], Group: r[4], HubSpot: true,
				ReadOnly: r[5] != "", Calculated: r[5] == "rc"}
		}
	}
	return out
}()

package zoho

// fieldDef is one field of a module, system or custom. It is kept as JSON for custom fields.
type fieldDef struct {
	API     string   `json:"api_name"`
	Label   string   `json:"label"`
	Type    string   `json:"type"` // Zoho's data_type
	Length  int      `json:"length,omitempty"`
	Choices []string `json:"choices,omitempty"`
	Lookup  string   `json:"lookup,omitempty"` // module that a lookup points to
	ID      int64    `json:"id"`

	Mandatory bool `json:"mandatory,omitempty"`
	ReadOnly  bool `json:"read_only,omitempty"`
	Custom    bool `json:"custom,omitempty"`
	Unique    bool `json:"unique,omitempty"`
	CaseSens  bool `json:"case_sensitive,omitempty"`
	Decimals  int  `json:"decimals,omitempty"`
	System    bool `json:"-"` // rendered from the row, not from its data
	MultiLine bool `json:"multi_line,omitempty"`
	// Profiles holds what differs from read_write, by profile id.
	Profiles map[int64]string `json:"profiles,omitempty"`
}

var salutations = []string{"-None-", "Mr.", "Mrs.", "Ms.", "Dr.", "Prof."}

var leadSources = []string{"-None-", "Advertisement", "Cold Call", "Employee Referral", "External Referral", "Partner", "Public Relations",
	"Seminar Partner", "Internal Seminar", "Trade Show", "Web Download", "Web Research", "Chat"}

// contactFields are the fields of the standard Contacts module (fact sheet, section 6). Lengths are the common defaults.
func contactFields() []*fieldDef {
	return []*fieldDef{
		{API: "Owner", Label: "Contact Owner", Type: "ownerlookup", Length: 120, System: true},
		{API: "Lead_Source", Label: "Lead Source", Type: "picklist", Length: 120, Choices: leadSources},
		{API: "First_Name", Label: "First Name", Type: "text", Length: 40},
		{API: "Last_Name", Label: "Last Name", Type: "text", Length: 80, Mandatory: true},
		{API: "Full_Name", Label: "Full Name", Type: "text", Length: 80, ReadOnly: true, System: true},
		{API: "Account_Name", Label: "Account Name", Type: "lookup", Length: 120, Lookup: "Accounts"},
		{API: "Email", Label: "Email", Type: "email", Length: 100},
		{API: "Title", Label: "Title", Type: "text", Length: 100},
		{API: "Department", Label: "Department", Type: "text", Length: 50},
		{API: "Phone", Label: "Phone", Type: "phone", Length: 30},
		{API: "Home_Phone", Label: "Home Phone", Type: "phone", Length: 30},
		{API: "Other_Phone", Label: "Other Phone", Type: "phone", Length: 30},
		{API: "Fax", Label: "Fax", Type: "phone", Length: 30},
		{API: "Mobile", Label: "Mobile", Type: "phone", Length: 30},
		{API: "Date_of_Birth", Label: "Date of Birth", Type: "date", Length: 20},
		{API: "Assistant", Label: "Assistant", Type: "text", Length: 50},
		{API: "Asst_Phone", Label: "Asst Phone", Type: "phone", Length: 30},
		{API: "Reporting_To", Label: "Reporting To", Type: "lookup", Length: 120, Lookup: "Contacts"},
		{API: "Email_Opt_Out", Label: "Email Opt Out", Type: "boolean", Length: 5},
		{API: "Skype_ID", Label: "Skype ID", Type: "text", Length: 50},
		{API: "Salutation", Label: "Salutation", Type: "picklist", Length: 120, Choices: salutations},
		{API: "Secondary_Email", Label: "Secondary Email", Type: "email", Length: 100},
		{API: "Twitter", Label: "Twitter", Type: "text", Length: 50},
		{API: "Mailing_Street", Label: "Mailing Street", Type: "text", Length: 250, MultiLine: true},
		{API: "Mailing_City", Label: "Mailing City", Type: "text", Length: 100},
		{API: "Mailing_State", Label: "Mailing State", Type: "text", Length: 100},
		{API: "Mailing_Zip", Label: "Mailing Zip", Type: "text", Length: 30},
		{API: "Mailing_Country", Label: "Mailing Country", Type: "text", Length: 100},
		{API: "Other_Street", Label: "Other Street", Type: "text", Length: 250, MultiLine: true},
		{API: "Other_City", Label: "Other City", Type: "text", Length: 100},
		{API: "Other_State", Label: "Other State", Type: "text", Length: 100},
		{API: "Other_Zip", Label: "Other Zip", Type: "text", Length: 30},
		{API: "Other_Country", Label: "Other Country", Type: "text", Length: 100},
		{API: "Description", Label: "Description", Type: "textarea", Length: 32000, MultiLine: true},
		{API: "Tag", Label: "Tag", Type: "text", Length: 2000, ReadOnly: true, System: true},
		{API: "Record_Image", Label: "Contact Image", Type: "profileimage", Length: 255, ReadOnly: true, System: true},
		{API: "Created_By", Label: "Created By", Type: "ownerlookup", Length: 120, ReadOnly: true, System: true},
		{API: "Modified_By", Label: "Modified By", Type: "ownerlookup", Length: 120, ReadOnly: true, System: true},
		{API: "Created_Time", Label: "Created Time", Type: "datetime", Length: 120, ReadOnly: true, System: true},
		{API: "Modified_Time", Label: "Modified Time", Type: "datetime", Length: 120, ReadOnly: true, System: true},
		{API: "Last_Activity_Time", Label: "Last Activity Time", Type: "datetime", Length: 120, ReadOnly: true, System: true},
		{API: "Change_Log_Time__s", Label: "Change Log Time", Type: "datetime", Length: 120, ReadOnly: true, System: true},
		{API: "Unsubscribed_Mode", Label: "Unsubscribed Mode", Type: "picklist", Length: 120, ReadOnly: true, System: true},
		{API: "Unsubscribed_Time", Label: "Unsubscribed Time", Type: "datetime", Length: 120, ReadOnly: true, System: true},
		{API: "Enrich_Status__s", Label: "Enrich Status", Type: "picklist", Length: 120, ReadOnly: true, System: true},
		{API: "Locked__s", Label: "Locked", Type: "boolean", Length: 5, ReadOnly: true, System: true},
		{API: "Record_Status__s", Label: "Record Status", Type: "picklist", Length: 120, ReadOnly: true, System: true},
		{API: "id", Label: "Contact Id", Type: "bigint", Length: 19, ReadOnly: true, System: true},
	}
}

// accountFields are the fields of Accounts that company look-ups need.
func accountFields() []*fieldDef {
	return []*fieldDef{
		{API: "Owner", Label: "Account Owner", Type: "ownerlookup", Length: 120, System: true},
		{API: "Account_Name", Label: "Account Name", Type: "text", Length: 200, Mandatory: true},
		{API: "Phone", Label: "Phone", Type: "phone", Length: 30},
		{API: "Fax", Label: "Fax", Type: "phone", Length: 30},
		{API: "Website", Label: "Website", Type: "website", Length: 255},
		{API: "Billing_Street", Label: "Billing Street", Type: "text", Length: 250, MultiLine: true},
		{API: "Billing_City", Label: "Billing City", Type: "text", Length: 100},
		{API: "Billing_State", Label: "Billing State", Type: "text", Length: 100},
		{API: "Billing_Code", Label: "Billing Code", Type: "text", Length: 30},
		{API: "Billing_Country", Label: "Billing Country", Type: "text", Length: 100},
		{API: "Description", Label: "Description", Type: "textarea", Length: 32000, MultiLine: true},
		{API: "Created_By", Label: "Created By", Type: "ownerlookup", Length: 120, ReadOnly: true, System: true},
		{API: "Modified_By", Label: "Modified By", Type: "ownerlookup", Length: 120, ReadOnly: true, System: true},
		{API: "Created_Time", Label: "Created Time", Type: "datetime", Length: 120, ReadOnly: true, System: true},
		{API: "Modified_Time", Label: "Modified Time", Type: "datetime", Length: 120, ReadOnly: true, System: true},
		{API: "Locked__s", Label: "Locked", Type: "boolean", Length: 5, ReadOnly: true, System: true},
		{API: "Record_Status__s", Label: "Record Status", Type: "picklist", Length: 120, ReadOnly: true, System: true},
		{API: "id", Label: "Account Id", Type: "bigint", Length: 19, ReadOnly: true, System: true},
	}
}

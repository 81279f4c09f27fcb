package zoho

import (
	"net/http"
	"slices"
	"strings"
)

// userFilters are the types of GET /users. A filter that needs what the sandbox does not have (deleted or unconfirmed users) lets
// nobody through.
var userFilters = map[string]func(c *call, m *member) bool{
	"CurrentUser":          func(c *call, m *member) bool { return m == c.m },
	"AllUsers":             func(*call, *member) bool { return true },
	"ActiveUsers":          func(_ *call, m *member) bool { return m.Status == "active" },
	"AllActiveUsers":       func(_ *call, m *member) bool { return m.Status == "active" },
	"ConfirmedUsers":       func(*call, *member) bool { return true },
	"ActiveConfirmedUsers": func(_ *call, m *member) bool { return m.Status == "active" },
	"AdminUsers":           func(_ *call, m *member) bool { return m.org.profile(m.Profile).Name == "Administrator" },
	"ActiveConfirmedAdmins": func(_ *call, m *member) bool {
		return m.Status == "active" && m.org.profile(m.Profile).Name == "Administrator"
	},
	"DeactiveUsers":     func(_ *call, m *member) bool { return m.Status != "active" },
	"DeletedUsers":      func(*call, *member) bool { return false },
	"NotConfirmedUsers": func(*call, *member) bool { return false },
	"DeveloperUsers":    func(*call, *member) bool { return false },
	"ActiveLiteUser":    func(*call, *member) bool { return false },
}

// listUsers is GET /users.
func listUsers(c *call) (*reply, error) {
	kind := "AllUsers"
	if c.query.Has("type") {
		kind = c.query.Get("type")
	}
	filter := userFilters[kind]
	if filter == nil {
		return nil, badParam("type")
	}
	page, perPage, err := c.pageParams()
	if err != nil {
		return nil, err
	}
	var all []object
	for _, m := range c.o.members {
		if filter(c, m) {
			all = append(all, c.o.userBody(m))
		}
	}
	from := min((page-1)*perPage, len(all))
	to := min(from+perPage, len(all))
	if from == to {
		return &reply{status: http.StatusNoContent}, nil
	}
	return &reply{status: http.StatusOK, body: object{"users": all[from:to],
		"info": object{"per_page": perPage, "count": to - from, "page": page, "more_records": to < len(all)}}}, nil
}

// getUser is GET /users/{id}.
func getUser(c *call) (*reply, error) {
	m := c.o.member(parseID(c.path[0]))
	if m == nil {
		return &reply{status: http.StatusNoContent}, nil
	}
	return &reply{status: http.StatusOK, body: object{"users": []object{c.o.userBody(m)}}}, nil
}

func (o *org) userBody(m *member) object {
	p, r := o.profile(m.Profile), o.role(m.Role)
	return object{"id": num(m.ID), "zuid": num(m.ZUID), "full_name": m.fullName(), "first_name": m.First, "last_name": m.Last, "email": m.Email,
		"status": m.Status, "confirm": true, "role": object{"name": r.Name, "id": num(r.ID)}, "profile": object{"name": p.Name, "id": num(p.ID)},
		"time_zone": m.Zone, "locale": m.Locale, "type__s": "Regular User"}
}

// getOrg is GET /org.
func getOrg(c *call) (*reply, error) {
	o := c.o
	first := o.members[0]
	paid := map[string]string{"free": "free", "standard": "standard", "professional": "professional", "enterprise": "enterprise", "ultimate": "ultimate"}[c.s.cfg.Limits.Edition]
	return &reply{status: http.StatusOK, body: object{"org": []object{{
		"id": num(o.orgID()), "zgid": num(700000000 + o.Index), "company_name": o.Name, "domain_name": "org" + num(700000000+o.Index), "primary_email": first.Email,
		"primary_zuid": num(first.ZUID), "time_zone": first.Zone, "currency": "Japanese Yen - JPY", "currency_symbol": "¥", "currency_locale": "ja_JP", "iso_code": "JPY",
		"country_code": "JP", "country": "Japan", "type": "production", "privacy_settings": false,
		"license_details": object{"paid": paid != "free", "paid_type": paid, "users_license_purchased": max(len(o.members), 10), "portal_users_license_purchased": 0, "paid_expiry": nil, "trial_type": nil, "trial_expiry": nil},
	}}}}, nil
}

var moduleLabels = map[string][2]string{"Contacts": {"Contact", "Contacts"}, "Accounts": {"Account", "Accounts"}}

// moduleBody is a module as the caller may use it: the four flags follow the caller's profile.
func (c *call) moduleBody(module string) object {
	may := func(verb string) bool { return c.may(verb, module) == nil }
	var profiles []object
	for _, p := range c.o.Profiles {
		profiles = append(profiles, object{"name": p.Name, "id": num(p.ID)})
	}
	l := moduleLabels[module]
	return object{"api_name": module, "module_name": module, "id": num(c.o.moduleID(module)), "singular_label": l[0], "plural_label": l[1],
		"api_supported": true, "viewable": may("View"), "creatable": may("Create"), "editable": may("Edit"), "deletable": may("Delete"),
		"global_search_supported": true, "public_fields_configured": false, "recycle_bin_on_delete": true, "has_more_profiles": false,
		"sub_menu_available": true, "profile_count": len(profiles), "description": nil, "profiles": profiles, "status": "visible",
		"sequence_number": slices.Index([]string{"Contacts", "Accounts"}, module) + 2, "generated_type": "default", "visibility": 1, "modified_time": nil}
}

// listModules is GET /settings/modules.
func listModules(c *call) (*reply, error) {
	return &reply{status: http.StatusOK, body: object{"modules": []object{c.moduleBody("Contacts"), c.moduleBody("Accounts")}}}, nil
}

// getModule is GET /settings/modules/{name or id}.
func getModule(c *call) (*reply, error) {
	for m := range moduleNames {
		if c.path[0] == m || c.path[0] == num(c.o.moduleID(m)) {
			return &reply{status: http.StatusOK, body: object{"modules": []object{c.moduleBody(m)}}}, nil
		}
	}
	return nil, refuse(http.StatusBadRequest, "NOT_SUPPORTED", "the module is not supported", object{"resource_path_index": 2})
}

// permissionNames are the permissions of a profile that concern contacts, with their modules. The one for the vendor's own Google
// sync is SPEC ZG6; its key is not published, so this name is the sandbox's.
var permissionNames = [][2]string{
	{"Crm_Implied_View_Contacts", "Contacts"}, {"Crm_Implied_Create_Contacts", "Contacts"}, {"Crm_Implied_Edit_Contacts", "Contacts"}, {"Crm_Implied_Delete_Contacts", "Contacts"},
	{"Crm_Implied_View_Accounts", "Accounts"}, {"Crm_Implied_Create_Accounts", "Accounts"}, {"Crm_Implied_Edit_Accounts", "Accounts"}, {"Crm_Implied_Delete_Accounts", "Accounts"},
	{"Crm_Implied_Google_Contacts_Sync", ""}, {"Crm_Implied_Customize_Zoho_CRM", ""}, {"Crm_Implied_Manage_Users", ""}, {"Crm_Implied_Api_Access", ""},
}

func (c *call) profileBody(p *profile, details bool) object {
	b := object{"id": num(p.ID), "name": p.Name, "display_label": p.Name, "api_name": strings.ReplaceAll(p.Name, " ", "_"), "custom": p.Custom,
		"type": "normal_profile", "description": nil, "created_time": c.m.stamp(p.Created), "modified_time": nil, "created_by": nil, "modified_by": nil}
	if details {
		var ps []object
		for i, n := range permissionNames {
			var module any
			if n[1] != "" {
				module = object{"api_name": n[1], "id": num(c.o.moduleID(n[1]))}
			}
			label := strings.ReplaceAll(strings.TrimPrefix(n[0], "Crm_Implied_"), "_", " ")
			ps = append(ps, object{"id": num(c.o.id(25000 + int64(i))), "name": n[0], "display_label": label, "enabled": p.may(n[0]), "module": module, "customizable": true, "parent_permissions": nil})
		}
		b["permissions_details"] = ps
	}
	return b
}

// listProfiles is GET /settings/profiles.
func listProfiles(c *call) (*reply, error) {
	if c.query.Has("type") && c.query.Get("type") != "normal_profile" {
		return nil, badParam("type")
	}
	var ps []object
	for _, p := range c.o.Profiles {
		ps = append(ps, c.profileBody(p, false))
	}
	return &reply{status: http.StatusOK, body: object{"profiles": ps}}, nil
}

// getProfile is GET /settings/profiles/{id}.
func getProfile(c *call) (*reply, error) {
	p := c.o.profile(parseID(c.path[0]))
	if p == nil {
		return nil, refuse(http.StatusBadRequest, "INVALID_DATA", "the id given seems to be invalid", object{"resource_path_index": 2})
	}
	return &reply{status: http.StatusOK, body: object{"profiles": []object{c.profileBody(p, true)}}}, nil
}

// moduleParam reads the mandatory parameter module.
func (c *call) moduleParam() (string, error) {
	m := c.query.Get("module")
	if m == "" {
		return "", missingParam("module")
	}
	if !moduleNames[m] {
		return "", refuse(http.StatusBadRequest, "INVALID_MODULE", "the module name given seems to be invalid", object{"param_name": "module"})
	}
	return m, nil
}

// listLayouts is GET /settings/layouts: one layout with one section that holds every field.
func listLayouts(c *call) (*reply, error) {
	module, err := c.moduleParam()
	if err != nil {
		return nil, err
	}
	base := int64(91000)
	if module == "Accounts" {
		base = 92000
	}
	var fields []object
	for _, f := range c.o.Fields[module] {
		if c.m.permissionOf(f) != "hidden" {
			fields = append(fields, object{"id": num(f.ID), "api_name": f.API, "field_label": f.Label, "display_label": f.Label, "data_type": f.Type, "required": f.Mandatory, "read_only": f.ReadOnly})
		}
	}
	no := object{"edit": true, "rename": true, "clone": true, "delete": false, "deactivate": false, "set_layout_permissions": true, "downgrade": false}
	section := object{"id": num(c.o.id(base + 1)), "name": module + " Information", "api_name": module + "_Information", "display_label": module + " Information", "isSubformSection": false,
		"mode": "all", "sequence_number": 1, "tab_traversal": "left_to_right", "column_count": 2, "generated_type": "default", "type": "used", "fields": fields,
		"actions_allowed": object{"add_field": true, "rename": true, "change_tab_traversal": true, "reorder": true, "delete": false, "remove_field": true, "change_column_count": true}}
	return &reply{status: http.StatusOK, body: object{"layouts": []object{{"id": num(c.o.id(base)), "name": "Standard", "api_name": "Standard__s", "display_label": "Standard",
		"visible": true, "status": "active", "source": "crm", "generated_type": "system", "created_for": nil, "created_time": nil, "modified_time": nil, "modified_by": nil, "created_by": nil,
		"profiles": nil, "has_more_profiles": false, "show_business_card": true, "actions_allowed": no, "sections": []object{section}}}}}, nil
}

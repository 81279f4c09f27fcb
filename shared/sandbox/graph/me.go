package graph

import (
	"net/http"
	"slices"
	"strings"
)

// userMembers are the properties of a user without $select.
func userMembers() []string {
	return []string{"businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone", "officeLocation", "preferredLanguage", "surname", "userPrincipalName"}
}

// user answers /me and /users/{id}.
func (c *call) user() (*reply, *apiError) {
	if e := c.allow("$select"); e != nil {
		return nil, e
	}
	given, family, _ := strings.Cut(c.m.Name, " ")
	all := map[string]any{
		"id": c.m.oid, "displayName": c.m.Name, "mail": c.m.Email, "userPrincipalName": c.m.Email, "givenName": given, "surname": family,
		"businessPhones": []string{}, "jobTitle": nil, "mobilePhone": nil, "officeLocation": nil, "preferredLanguage": nil,
		"accountEnabled": !c.m.Disabled, "userType": "Member", "companyName": nil,
	}
	if c.m.NoMailbox {
		all["mail"] = nil
	}
	only, e := c.selected(func(name string) bool { _, ok := all[name]; return ok })
	if e != nil {
		return nil, e
	}
	out := map[string]any{"@odata.context": c.origin + "/v1.0/$metadata#users/$entity", "id": c.m.oid}
	for name, v := range all {
		if only[name] || only == nil && slices.Contains(userMembers(), name) {
			out[name] = v
		}
	}
	return jsonReply(http.StatusOK, out)
}

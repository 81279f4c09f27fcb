package pipedrive

import (
	"fmt"
	"net/http"
	"time"
)

func (m *member) render(c *call) object {
	loc, err := time.LoadLocation(m.Zone)
	if err != nil {
		loc = time.UTC // checked when it was set
	}
	access := []object{}
	for i, app := range []string{"sales", "global", "nova"} {
		access = append(access, object{"app": app, "admin": m.Admin, "permission_set_id": fmt.Sprintf("62cc4d7f-4038-4352-abf3-%012x", m.o.ID+int64(i))})
	}
	return object{
		"id": m.ID, "name": m.Name, "default_currency": "EUR", "locale": "et_EE", "lang": 1, "email": m.Email, "phone": nil, "activated": true,
		"last_login": stampV1(m.Added), "created": stampV1(m.Added), "modified": stampV1(m.Added), "has_created_company": m.o.members[0] == m,
		"access": access, "active_flag": !m.Off, "timezone_name": m.Zone, "timezone_offset": c.s.cfg.Clock.Now().In(loc).Format("-07:00"), "role_id": 3,
		"icon_url": nil, "is_you": m == c.m, "is_deleted": false,
	}
}

func currentUser(c *call) (*reply, error) {
	out := c.m.render(c)
	out["company_id"], out["company_name"], out["company_domain"] = c.o.ID, c.o.Name, c.o.Domain
	out["company_country"], out["company_industry"] = c.o.Country, "IT Services"
	out["language"] = object{"language_code": "en", "country_code": "US"}
	return ok(out)
}

func listUsers(c *call) (*reply, error) {
	out := []object{}
	for _, m := range c.o.members {
		if m == c.m || c.m.may("can_see_other_users") {
			out = append(out, m.render(c))
		}
	}
	return ok(out)
}

func (c *call) user() (*member, error) {
	m := c.o.member(c.id(0))
	if m == nil || m != c.m && !c.m.may("can_see_other_users") {
		return nil, refuse(http.StatusNotFound, "User not found")
	}
	return m, nil
}

func getUser(c *call) (*reply, error) {
	m, err := c.user()
	if err != nil {
		return nil, err
	}
	return ok(m.render(c))
}

// userPermissions has no flag for adding people or organizations, as at the vendor.
func userPermissions(c *call) (*reply, error) {
	m, err := c.user()
	if err != nil {
		return nil, err
	}
	out := object{}
	for _, p := range permissions {
		out[p] = m.may(p)
	}
	return ok(out)
}

func roleSettings(c *call) (*reply, error) {
	m, err := c.user()
	if err != nil {
		return nil, err
	}
	v := m.visibility()
	return ok(object{"deal_default_visibility": v, "lead_default_visibility": v, "org_default_visibility": v, "person_default_visibility": v,
		"product_default_visibility": v, "deal_access_level": 7, "org_access_level": 7, "person_access_level": 7, "product_access_level": 7})
}

func userSettings(*call) (*reply, error) {
	return ok(object{"marketplace_team": false, "list_limit": 300, "beta_app": false, "prevent_salesphone_callto_override": false,
		"file_upload_destination": "s3", "callto_link_syntax": "callto:%s", "autofill_deal_expected_close_date": true,
		"person_duplicate_condition": "name && (org_id || email || phone)"})
}

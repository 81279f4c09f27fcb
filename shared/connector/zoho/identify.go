package zoho

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"meibo/shared/connector"
)

// user is the calling user.
type user struct {
	ID      string `json:"id"`
	Name    string `json:"full_name"`
	Email   string `json:"email"`
	Profile struct {
		ID string `json:"id"`
	} `json:"profile"`
}

func (c *Connector) currentUser(ctx context.Context) (user, error) {
	var body struct {
		Users []user `json:"users"`
	}
	_, found, err := c.read(ctx, request{path: "/users", query: url.Values{"type": {"CurrentUser"}}}, &body)
	if err != nil {
		return user{}, err
	}
	if !found || len(body.Users) == 0 || body.Users[0].ID == "" {
		return user{}, unsure(false, "it did not say who the user is")
	}
	return body.Users[0], nil
}

// Identify tells who the account's user is and what the profile lets the user do with contacts: four calls. The account id is
// the organisation's and the user's, since one person may use several organisations.
func (c *Connector) Identify(ctx context.Context) (connector.Identity, error) {
	u, err := c.currentUser(ctx)
	if err != nil {
		return connector.Identity{}, err
	}
	var org struct {
		Org []struct {
			ID      string `json:"id"`
			Name    string `json:"company_name"`
			Country string `json:"country_code"`
		} `json:"org"`
	}
	if _, _, err := c.read(ctx, request{path: "/org"}, &org); err != nil {
		return connector.Identity{}, err
	}
	if len(org.Org) == 0 || org.Org[0].ID == "" {
		return connector.Identity{}, unsure(false, "it did not say which organisation this is")
	}
	o := org.Org[0]
	id := connector.Identity{
		AccountID: o.ID + "/" + u.ID,
		Email:     u.Email, Name: u.Name,
		CompanyID: o.ID, Company: o.Name,
	}
	if len(o.Country) == 2 {
		id.Region = strings.ToUpper(o.Country)
	}
	id.Permissions, err = c.permissions(ctx, u.Profile.ID)
	return id, err
}

// permissions joins what the module says to this user with what the profile says. Both must allow a thing; what neither
// tells stays out.
func (c *Connector) permissions(ctx context.Context, profile string) (map[connector.Permission]bool, error) {
	out := map[connector.Permission]bool{}
	say := func(p connector.Permission, allowed bool) {
		before, told := out[p]
		out[p] = allowed && (before || !told)
	}
	var modules struct {
		Modules []struct {
			Viewable  *bool `json:"viewable"`
			Creatable *bool `json:"creatable"`
			Editable  *bool `json:"editable"`
			Deletable *bool `json:"deletable"`
		} `json:"modules"`
	}
	if _, _, err := c.read(ctx, request{path: "/settings/modules/Contacts"}, &modules); err != nil {
		var no *connector.ForbiddenError
		if !errors.As(err, &no) {
			return nil, err
		}
		say(connector.PermView, false)
	}
	for _, m := range modules.Modules {
		for p, flag := range map[connector.Permission]*bool{
			connector.PermView: m.Viewable, connector.PermCreate: m.Creatable,
			connector.PermEdit: m.Editable, connector.PermDelete: m.Deletable,
		} {
			if flag != nil {
				say(p, *flag)
			}
		}
	}
	if profile == "" {
		return out, nil
	}
	var profiles struct {
		Profiles []struct {
			Details []struct {
				Name    string `json:"name"`
				Label   string `json:"display_label"`
				Enabled bool   `json:"enabled"`
			} `json:"permissions_details"`
		} `json:"profiles"`
	}
	if _, _, err := c.read(ctx, request{path: "/settings/profiles/" + url.PathEscape(profile)}, &profiles); err != nil {
		// Only administrators may read profiles in some organisations; the module's flags have said the rest.
		var no *connector.ForbiddenError
		if errors.As(err, &no) {
			return out, nil
		}
		return nil, err
	}
	for _, p := range profiles.Profiles {
		for _, d := range p.Details {
			if perm, ok := permissionOf(d.Name, d.Label); ok {
				say(perm, d.Enabled)
			}
		}
	}
	return out, nil
}

// permissionNames are the profile permissions that concern contacts. The list of names differs by organisation, and the one
// for Google's contacts is known by its words only.
var permissionNames = map[string]connector.Permission{
	"Crm_Implied_View_Contacts":   connector.PermView,
	"Crm_Implied_Create_Contacts": connector.PermCreate,
	"Crm_Implied_Edit_Contacts":   connector.PermEdit,
	"Crm_Implied_Delete_Contacts": connector.PermDelete,
}

func permissionOf(name, label string) (connector.Permission, bool) {
	if p, ok := permissionNames[name]; ok {
		return p, true
	}
	for _, s := range []string{name, label} {
		if s = strings.ToLower(s); strings.Contains(s, "google") && strings.Contains(s, "contact") {
			return connector.PermSync, true
		}
	}
	return "", false
}

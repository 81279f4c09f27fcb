package dynamics

import (
	"context"
	"encoding/json"
	"strings"

	"meibo/shared/connector"
)

// whoAmI is the calling user.
type whoAmI struct {
	UserID       string `json:"UserId"`
	Organisation string `json:"OrganizationId"`
}

// who returns the calling user: one call in the connector's life.
func (a *account) who(ctx context.Context) (whoAmI, error) {
	if a.me != nil {
		return *a.me, nil
	}
	var w whoAmI
	if _, err := a.read(ctx, get("WhoAmI"), &w); err != nil {
		return w, err
	}
	w.UserID, w.Organisation = strings.ToLower(w.UserID), strings.ToLower(w.Organisation)
	if !isID(w.UserID) || !isID(w.Organisation) {
		return w, unsure(false, "it did not say who the user is")
	}
	a.me = &w
	return w, nil
}

// Identify tells who the account's user is: three calls. The account id is the organisation's and the user's, since a person may use
// several organisations. What the user may do is told where the organisation tells it, for the table of this view.
func (c *Connector) Identify(ctx context.Context) (connector.Identity, error) {
	w, err := c.who(ctx)
	if err != nil {
		return connector.Identity{}, err
	}
	var users struct {
		Value []struct {
			Name string `json:"fullname"`
			Mail string `json:"internalemailaddress"`
		} `json:"value"`
	}
	path := "systemusers" + query("$select", "fullname,internalemailaddress", "$filter", "systemuserid eq "+w.UserID)
	if _, err := c.read(ctx, get(path), &users); err != nil {
		return connector.Identity{}, err
	}
	id := connector.Identity{AccountID: w.Organisation + ":" + w.UserID, CompanyID: w.Organisation, Company: strings.SplitN(c.cfg.Site, ".", 2)[0], Site: c.cfg.Site}
	if len(users.Value) > 0 {
		id.Email, id.Name = users.Value[0].Mail, users.Value[0].Name
	}
	may, err := c.access(ctx)
	if err != nil || !may.known {
		return id, err
	}
	id.Permissions = map[connector.Permission]bool{}
	for p, privilege := range map[connector.Permission]string{
		connector.PermView: c.privilege("Read"), connector.PermCreate: c.privilege("Create"), connector.PermEdit: c.privilege("Write"),
		connector.PermDelete: c.privilege("Delete"), connector.PermCompanies: privilegeAddAccounts,
	} {
		id.Permissions[p] = may.depth[privilege] != ""
	}
	return id, nil
}

// access is what the user may do, at the moment when it was asked for. Without known, the organisation did not say.
type access struct {
	known bool
	depth map[string]string // by the privilege's name, as in prvReadContact; "" without it
}

// The depths of a privilege, by name and by number.
const depthOrganisation = "Global"

func depthNames() map[string]string {
	return map[string]string{"0": "Basic", "1": "Local", "2": "Deep", "3": depthOrganisation}
}

// everything reports whether the user is known to see every row of a table.
func (m access) everything(t table) bool {
	return m.known && m.depth[t.privilege("Read")] == depthOrganisation
}

// tracks reports whether the user may follow the changes of a table, as far as is known.
func (m access) tracks(t table) bool { return !m.known || m.everything(t) }

// access asks for the user's privileges: one call. Some organisations do not name them beside their ids, so that the ids are asked for as
// well.
func (a *account) access(ctx context.Context) (access, error) {
	w, err := a.who(ctx)
	if err != nil {
		return access{}, err
	}
	var names []string
	for _, t := range []table{contacts(), leads()} {
		for _, verb := range []string{"Read", "Create", "Write", "Delete"} {
			names = append(names, t.privilege(verb))
		}
	}
	names = append(names, privilegeAddAccounts)
	parts := []request{
		get("systemusers(" + w.UserID + ")/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()"),
		get("privileges" + query("$select", "privilegeid,name", "$filter", anyOf("name", names, quoted))),
	}
	answers, _, err := a.batch(ctx, parts)
	if err != nil {
		return access{}, err
	}
	if err := answers[0].outcome(parts[0], false); err != nil {
		if f, ok := refused(err); ok && f.status >= 400 && f.status < 500 && throttledFor(err) == 0 && f.status != 401 {
			return access{}, nil
		}
		return access{}, err
	}
	called := map[string]string{}
	var list struct {
		Value []struct {
			ID   string `json:"privilegeid"`
			Name string `json:"name"`
		} `json:"value"`
	}
	if answers[1].outcome(parts[1], false) == nil && json.Unmarshal(answers[1].body, &list) == nil {
		for _, p := range list.Value {
			called[strings.ToLower(p.ID)] = p.Name
		}
	}
	return readAccess(answers[0].body, called)
}

// readAccess reads the answer; called has the names of privileges by id.
func readAccess(body []byte, called map[string]string) (access, error) {
	var got struct {
		Privileges []struct {
			ID    string          `json:"PrivilegeId"`
			Name  string          `json:"PrivilegeName"`
			Depth json.RawMessage `json:"Depth"`
		} `json:"RolePrivileges"`
	}
	if json.Unmarshal(body, &got) != nil {
		return access{}, unsure(false, "it did not tell the user's privileges")
	}
	if got.Privileges == nil { // a user without any has an empty list
		return access{}, nil
	}
	m := access{depth: map[string]string{}, known: len(called) > 0}
	for _, p := range got.Privileges {
		name := p.Name
		if name == "" {
			name = called[strings.ToLower(p.ID)]
		}
		m.known = m.known || p.Name != ""
		depth := strings.Trim(string(p.Depth), `"`)
		if word, ok := depthNames()[depth]; ok {
			depth = word
		}
		if name != "" && m.depth[name] != depthOrganisation { // of several, the widest counts where it matters
			m.depth[name] = depth
		}
	}
	return m, nil
}

package dynamics

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// maxMultiple is about the suggested most of a multiple call; Dataverse has no fixed limit, and the sandbox has this one.
const maxMultiple = 1000

// multiple answers CreateMultiple, UpdateMultiple and UpsertMultiple: all or nothing.
func (c *call) multiple(t *table, action string) (*reply, *apiError) {
	switch action {
	case "CreateMultiple", "UpdateMultiple", "UpsertMultiple":
	case "DeleteMultiple":
		return nil, fail(http.StatusNotImplemented, codeNotSupported, "DeleteMultiple has not yet been implemented.")
	default:
		return nil, badSegment(namespace + action)
	}
	if !t.writable {
		return nil, badSegment(namespace + action)
	}
	body, e := object(c.body)
	if e != nil {
		return nil, e
	}
	var targets []map[string]json.RawMessage
	if json.Unmarshal(body["Targets"], &targets) != nil || len(targets) == 0 || len(targets) > maxMultiple || len(body) != 1 {
		return nil, badBody("%s takes Targets, from 1 to %d rows, and nothing else.", action, maxMultiple)
	}
	c.cost += len(targets) * costWrite / 2
	var ids []string
	for _, item := range targets {
		r, e := c.target(t, action, item)
		if e != nil {
			return nil, e
		}
		ids = append(ids, r.id.String())
	}
	if action != "CreateMultiple" {
		return noContent(), nil
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, internal(err)
	}
	return jsonReply(http.StatusOK, `{"@odata.context":`+quote(c.contextURL(namespace+"CreateMultipleResponse"))+`,"Ids":`+string(list)+`}`), nil
}

// target does one row of a multiple call. Headers about versions are not for these.
func (c *call) target(t *table, action string, item map[string]json.RawMessage) (*row, *apiError) {
	if item["@odata.type"] == nil {
		return nil, badBody("Every item of Targets needs @odata.type.")
	}
	if action == "CreateMultiple" {
		return c.insert(t, guid{}, item)
	}
	var key, id string
	_ = json.Unmarshal(item[t.key], &id) // checked below: "" is no key
	key = id
	if raw, ok := item["@odata.id"]; ok && action == "UpsertMultiple" {
		var uri string
		if json.Unmarshal(raw, &uri) != nil {
			return nil, badBody("The @odata.id of an item is not a text.")
		}
		name, inner, keyed := cutKey(uri)
		if name != t.set || !keyed {
			return nil, badBody("The @odata.id '%s' names no row of %s.", uri, t.set)
		}
		key = inner
		delete(item, "@odata.id")
	}
	if key == "" {
		return nil, badBody("An item of Targets does not name its row.")
	}
	if action == "UpsertMultiple" {
		plain := *c
		plain.header = http.Header{}
		r, _, e := plain.upsertRow(t, key, item)
		return r, e
	}
	r, e := c.find(t, key, "read")
	if e != nil {
		return nil, e
	}
	plain := *c
	plain.header = http.Header{}
	return r, plain.update(t, r, item)
}

// merge answers the action Merge. The winner gets UpdateContent, and the loser stays as an inactive row that names the winner.
func (c *call) merge() (*reply, *apiError) {
	body, e := object(c.body)
	if e != nil {
		return nil, e
	}
	for name := range body {
		switch name {
		case "Target", "Subordinate", "UpdateContent", "PerformParentingChecks":
		default:
			return nil, badBody("Merge has no parameter '%s'.", name)
		}
	}
	t, winner, e := c.mergeRow(body["Target"], "Target")
	if e != nil {
		return nil, e
	}
	other, loser, e := c.mergeRow(body["Subordinate"], "Subordinate")
	if e != nil {
		return nil, e
	}
	if t != other || winner == loser {
		return nil, fail(http.StatusBadRequest, codeArgument, "Two different rows of one table can be merged.")
	}
	content := map[string]json.RawMessage{}
	if raw := body["UpdateContent"]; raw != nil {
		if content, e = object(raw); e != nil {
			return nil, e
		}
		delete(content, t.key)
	}
	if !t.active(loser) || !t.active(winner) {
		return nil, fail(http.StatusBadRequest, codeArgument, "A row that is not active cannot be merged.")
	}
	if e := c.update(t, winner, content); e != nil {
		return nil, e
	}
	if !c.m.reaches("write", t, loser) {
		return nil, c.m.out("write", t, loser)
	}
	c.o.absorb(t, winner, loser, c.m.id)
	return noContent(), nil
}

func (c *call) mergeRow(raw json.RawMessage, what string) (*table, *row, *apiError) {
	var m map[string]string
	if json.Unmarshal(raw, &m) != nil {
		return nil, nil, badBody("Merge needs %s, with its key and @odata.type.", what)
	}
	t := c.o.tables[strings.TrimPrefix(m["@odata.type"], namespace)]
	if t == nil || !t.people && t.logical != tAccount {
		return nil, nil, badBody("The @odata.type of %s is not one that can be merged.", what)
	}
	r, e := c.find(t, m[t.key], "write")
	return t, r, e
}

// absorb marks a row as merged into another.
func (o *org) absorb(t *table, winner, loser *row, by guid) {
	state, status := closed(t)
	cells := withCell(loser.cells, t.col("statecode"), state)
	cells = withCell(cells, t.col("statuscode"), status)
	cells = withCell(cells, t.col("merged"), "true")
	cells = withCell(cells, t.col("masterid"), ref(t.logical, winner.id))
	o.change(t, loser, cells, loser.owner, by)
}

// closed is the state and the status of a row that is inactive, or of a lead that is disqualified.
func closed(t *table) (state, status string) {
	if t.logical == tLead {
		return "2", "4"
	}
	return "1", "2"
}

// userPrivileges answers RetrieveUserPrivileges.
func (c *call) userPrivileges(key string) (*reply, *apiError) {
	if e := c.allow(); e != nil {
		return nil, e
	}
	if id, ok := parseGUID(key); !ok || id != c.m.id {
		return nil, fail(http.StatusForbidden, codePrivilege, "Principal user (Id=%s) may read its own privileges only.", c.m.id)
	}
	names := map[string]string{DepthOrganization: "Global", DepthBusiness: "Local", DepthUser: "Basic"}
	var list []string
	for _, table := range privileged() {
		t := c.o.tables[table]
		for _, verb := range verbs() {
			depth := names[c.m.may(verb, t)]
			if depth == "" || t.absent {
				continue
			}
			name := privilegeName(verb, table)
			item := fmt.Sprintf(`{"Depth":%q,"PrivilegeId":%q,"BusinessUnitId":%q,"RecordFilterId":"00000000-0000-0000-0000-000000000000","RecordFilterUniqueName":""`, depth, privilegeID(name), c.o.unit)
			if !c.s.quirks.NoPrivilegeNames {
				item += fmt.Sprintf(`,"PrivilegeName":%q`, name)
			}
			list = append(list, item+"}")
		}
	}
	return jsonReply(http.StatusOK, `{"@odata.context":`+quote(c.contextURL(namespace+"RetrieveUserPrivilegesResponse"))+`,"RolePrivileges":[`+strings.Join(list, ",")+`]}`), nil
}

// principalAccess answers RetrievePrincipalAccess(Target=@t)?@t={"@odata.id":"contacts(<id>)"}.
func (c *call) principalAccess(key, args string) (*reply, *apiError) {
	param, ok := strings.CutPrefix(args, "Target=")
	if !ok || !strings.HasPrefix(param, "@") {
		return nil, badURL("RetrievePrincipalAccess takes Target=@name.")
	}
	if e := c.allow(param); e != nil {
		return nil, e
	}
	if id, ok := parseGUID(key); !ok || id != c.m.id {
		return nil, fail(http.StatusForbidden, codePrivilege, "Principal user (Id=%s) may read its own access only.", c.m.id)
	}
	var target map[string]string
	if json.Unmarshal([]byte(c.query.Get(param)), &target) != nil || target["@odata.id"] == "" {
		return nil, badURL("The parameter %s must be an object with @odata.id.", param)
	}
	name, id, _ := cutKey(strings.TrimPrefix(target["@odata.id"], "/"))
	t := c.o.sets[name]
	if t == nil || t.absent {
		return nil, badSegment(name)
	}
	row, r, e := c.lookUp(t, id)
	if e != nil {
		return nil, e
	}
	if r == nil {
		return nil, noRow(t, row)
	}
	var rights []string
	for _, verb := range verbs() {
		if c.m.reaches(verb, t, r) {
			rights = append(rights, strings.TrimPrefix(privilegeName(verb, ""), "prv")+"Access")
		}
	}
	if len(rights) == 0 {
		rights = []string{"None"}
	}
	return jsonReply(http.StatusOK, `{"@odata.context":`+quote(c.contextURL(namespace+"RetrievePrincipalAccessResponse"))+`,"AccessRights":`+quote(strings.Join(rights, ", "))+`}`), nil
}

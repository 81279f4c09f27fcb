package dynamics

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// change is what a body asks for.
type change struct {
	id    guid
	cells []cell // the row's new values
	owner guid
	names []string // of the columns that the body sets
}

// object reads a body. Members come in no order.
func object(body []byte) (map[string]json.RawMessage, *apiError) {
	var m map[string]json.RawMessage
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&m); err != nil || m == nil || d.More() {
		return nil, badBody("the body is not a JSON object.")
	}
	return m, nil
}

// merged applies a body to a row; r is nil for a new one. Unknown and read-only members are refused.
func (c *call) merged(t *table, r *row, body map[string]json.RawMessage) (change, *apiError) {
	ch := change{owner: c.m.id}
	if r != nil {
		ch.id, ch.cells, ch.owner = r.id, r.cells, r.owner
	}
	for _, name := range slices.Sorted(maps.Keys(body)) {
		raw := body[name]
		if name == "@odata.type" {
			if string(raw) != quote(namespace+t.logical) && string(raw) != quote("#"+namespace+t.logical) {
				return ch, badBody("The @odata.type is not Microsoft.Dynamics.CRM.%s.", t.logical)
			}
			continue
		}
		if col, target, ok := t.navigationNamed(strings.TrimSuffix(name, "@odata.bind")); ok {
			if e := c.bind(t, &ch, col, target, strings.HasSuffix(name, "@odata.bind"), raw); e != nil {
				return ch, e
			}
			continue
		}
		i, ok := t.index[name]
		if !ok || t.cols[i].kind == kindLookup {
			return ch, badBody("An undeclared property '%s' was found in the payload of type '%s%s'.", name, namespace, t.logical)
		}
		if e := c.set(t, &ch, i, raw, r == nil); e != nil {
			return ch, e
		}
	}
	if e := t.settle(&ch); e != nil {
		return ch, e
	}
	return ch, nil
}

// set gives one column a value.
func (c *call) set(t *table, ch *change, i int, raw json.RawMessage, create bool) *apiError {
	col := &t.cols[i]
	if t.secured[col.name] {
		return fail(http.StatusForbidden, codePrivilege, "Caller user with Id %s does not have permissions to a secured attribute '%s' of entity '%s'.", c.m.id, col.name, t.logical)
	}
	if col.kind == kindKey {
		text, e := t.decode(col, raw)
		id, _ := parseGUID(textOf(text))
		switch {
		case e != nil:
			return e
		case id.none() || !create && id != ch.id:
			return badBody("The key '%s' of a row cannot be changed.", col.name)
		}
		ch.id = id
		return nil
	}
	if col.readOnly || col.made != stored || col.createOnly && !create {
		return fail(http.StatusBadRequest, codeArgument, "The column '%s' of '%s' cannot be written.", col.name, t.logical)
	}
	text, e := t.decode(col, raw)
	if e != nil {
		return e
	}
	ch.cells = withCell(ch.cells, i, text)
	ch.names = append(ch.names, col.name)
	return nil
}

// navigationNamed finds the lookup that a navigation property writes, and the table that it writes a row of ("" means that the value tells).
func (t *table) navigationNamed(name string) (col int, target string, ok bool) {
	for i := range t.cols {
		c := &t.cols[i]
		if c.kind != kindLookup || c.readOnly || len(c.targets) == 0 {
			continue
		}
		if !c.split && c.name == name {
			if len(c.targets) == 1 {
				target = c.targets[0]
			}
			return i, target, true
		}
		for _, to := range c.targets {
			if c.split && c.navigation(to) == name {
				return i, to, true
			}
		}
	}
	return 0, "", false
}

// bind writes a lookup.
func (c *call) bind(t *table, ch *change, col int, target string, bound bool, raw json.RawMessage) *apiError {
	name := t.cols[col].name
	var uri *string
	if json.Unmarshal(raw, &uri) != nil || uri != nil && !bound {
		return badBody("The property '%s' must be written with @odata.bind and a text; rows are not made inside of others here.", name)
	}
	ch.names = append(ch.names, name)
	if uri == nil {
		if !c.s.quirks.NullLookups || name == "ownerid" {
			return badBody("The lookup '%s' cannot be set to null.", name)
		}
		ch.cells = withCell(ch.cells, col, "")
		return nil
	}
	to, r, e := c.resolve(*uri)
	if e != nil {
		return e
	}
	if target != "" && to.logical != target || !slices.Contains(t.cols[col].targets, to.logical) {
		return badBody("The property '%s' does not take a row of '%s'.", name, to.logical)
	}
	if name == "ownerid" {
		ch.owner = r.id
		return nil
	}
	ch.cells = withCell(ch.cells, col, ref(to.logical, r.id))
	return nil
}

// resolve finds the row that a URI names: /accounts(<id>), with or without the slash, or the whole address; $1 in a change set.
func (c *call) resolve(uri string) (*table, *row, *apiError) {
	if strings.HasPrefix(uri, "$") {
		known, ok := c.refs[uri]
		if !ok {
			return nil, nil, fail(http.StatusBadRequest, codeURL, "Content-ID Reference: '%s' does not exist in the batch context.", uri)
		}
		uri = known
	}
	uri = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(uri, c.origin), apiPath), "/")
	name, key, keyed := cutKey(uri)
	t := c.o.sets[name]
	if t == nil || t.absent || !keyed {
		return nil, nil, badBody("The URI '%s' names no row.", uri)
	}
	id, r, e := c.lookUp(t, key)
	if e == nil && r == nil {
		e = noRow(t, id)
	}
	if e == nil && !c.m.reaches("read", t, r) {
		e = c.m.out("read", t, r)
	}
	return t, r, e
}

// settle makes status follow state, and refuses combinations that the table does not have.
func (t *table) settle(ch *change) *apiError {
	stateCol, ok := t.index["statecode"]
	statusCol, both := t.index["statuscode"]
	if !ok || !both {
		return nil
	}
	number := func(col int) (int, bool) {
		i := slices.IndexFunc(ch.cells, func(k cell) bool { return int(k.col) == col })
		if i < 0 {
			return 0, false
		}
		n := 0
		_ = json.Unmarshal([]byte(ch.cells[i].raw), &n) // the sandbox wrote it
		return n, true
	}
	state, hasState := number(stateCol)
	status, hasStatus := number(statusCol)
	if !hasState {
		state = 0
		ch.cells = withCell(ch.cells, stateCol, "0")
	}
	fits := func(o option) bool { return o.State == state }
	options := t.cols[statusCol].options
	i := slices.IndexFunc(options, func(o option) bool { return o.Value == status })
	named := slices.Contains(ch.names, "statuscode")
	switch {
	case hasStatus && i >= 0 && fits(options[i]):
	case named:
		return fail(http.StatusBadRequest, codeArgument, "%d is not a valid status code for state code %d on %s.", status, state, t.logical)
	default:
		j := slices.IndexFunc(options, fits)
		ch.cells = withCell(ch.cells, statusCol, itoa(options[j].Value))
	}
	return nil
}

// active says whether a row takes changes.
func (t *table) active(r *row) bool {
	i, ok := t.index["statecode"]
	return !ok || r.raw(i) == "" || r.raw(i) == "0"
}

// create answers POST of a new row.
func (c *call) create(t *table) (*reply, *apiError) {
	if e := c.allow("$select"); e != nil {
		return nil, e
	}
	body, e := object(c.body)
	if e != nil {
		return nil, e
	}
	r, e := c.insert(t, guid{}, body)
	if e != nil {
		return nil, e
	}
	return c.written(t, r, http.StatusCreated)
}

// insert makes a row; id none means that the body or the sandbox chooses.
func (c *call) insert(t *table, id guid, body map[string]json.RawMessage) (*row, *apiError) {
	if e := c.need("create", t); e != nil {
		return nil, e
	}
	ch, e := c.merged(t, nil, body)
	if e != nil {
		return nil, e
	}
	switch {
	case id.none() && ch.id.none():
		id = derive("row", c.o.host, t.logical, utoa(c.o.seq+1))
	case id.none():
		id = ch.id
	case !ch.id.none() && ch.id != id:
		return nil, badBody("The key in the body is not that of the address.")
	}
	if t.get(id) != nil {
		return nil, exists()
	}
	if ch.owner != c.m.id {
		if e := c.need("assign", t); e != nil {
			return nil, e
		}
	}
	if c.m.may("create", t) == DepthUser && ch.owner != c.m.id {
		return nil, c.m.lacks("create", t)
	}
	if t.logical == tList {
		if e := checkList(t, ch.cells); e != nil {
			return nil, e
		}
	}
	if e := c.unique(t, id, ch); e != nil {
		return nil, e
	}
	return c.o.put(t, row{id: id, owner: ch.owner, cells: ch.cells}, c.m.id), nil
}

func exists() *apiError {
	return fail(http.StatusPreconditionFailed, codeExists, "A record with matching key values already exists.")
}

// unique checks alternate keys and, where the request asks for it, the duplicate rules.
func (c *call) unique(t *table, id guid, ch change) *apiError {
	value := func(col int) string { return (&row{cells: ch.cells}).raw(col) }
	var watched []int
	for i := range t.cols {
		if t.cols[i].alternate && value(i) != "" {
			watched = append(watched, i)
		}
	}
	rules := c.header.Get("MSCRM.SuppressDuplicateDetection") == "false" && !c.s.quirks.NoDuplicateRules
	mail, hasMail := t.index["emailaddress1"]
	rules = rules && hasMail && value(mail) != "" && slices.Contains(ch.names, "emailaddress1")
	if len(watched) == 0 && !rules {
		return nil
	}
	for _, b := range t.made {
		if !b.current() || b.r.id == id {
			continue
		}
		for _, i := range watched {
			if b.r.raw(i) == value(i) {
				return fail(http.StatusPreconditionFailed, codeKeyTaken, "Entity Key %s violated. A record with the same value for %s already exists.", t.cols[i].name, t.cols[i].label)
			}
		}
		if rules && t.active(b.r) && strings.EqualFold(textOf(b.r.raw(mail)), textOf(value(mail))) {
			status := http.StatusPreconditionFailed
			if c.s.quirks.Duplicate500 {
				status = http.StatusInternalServerError
			}
			return fail(status, codeDuplicate, "A record was not created or updated because a duplicate of the current record already exists.")
		}
	}
	return nil
}

// upsert answers PATCH: it makes a row that is not there, unless the request forbids the one or the other.
func (c *call) upsert(t *table, key string) (*reply, *apiError) {
	if e := c.allow("$select"); e != nil {
		return nil, e
	}
	body, e := object(c.body)
	if e != nil {
		return nil, e
	}
	r, created, e := c.upsertRow(t, key, body)
	if e != nil {
		return nil, e
	}
	if created {
		return c.written(t, r, http.StatusCreated)
	}
	return c.written(t, r, http.StatusOK)
}

func (c *call) upsertRow(t *table, key string, body map[string]json.RawMessage) (r *row, created bool, e *apiError) {
	id, r, e := c.lookUp(t, key)
	if e != nil {
		return nil, false, e
	}
	match, none := c.header.Get("If-Match"), c.header.Get("If-None-Match")
	switch {
	case match != "" && none != "" && none != "null":
		return nil, false, badURL("If-Match and If-None-Match exclude each other.")
	case none != "" && none != "*" && none != "null":
		return nil, false, badURL("If-None-Match of a change must be *.")
	case r == nil && match != "":
		return nil, false, noRow(t, id)
	case r != nil && none == "*":
		return nil, false, exists()
	case r != nil:
		return r, false, c.update(t, r, body)
	}
	if cells, e := t.alternateKey(key); id.none() && e == nil {
		for _, k := range cells {
			body[t.cols[k.col].name] = json.RawMessage(k.raw)
		}
	}
	r, e = c.insert(t, id, body)
	return r, true, e
}

// unchanged checks If-Match against a row.
func (c *call) unchanged(r *row) *apiError {
	if want := c.header.Get("If-Match"); want != "" && want != "*" && want != etag(r) {
		return fail(http.StatusPreconditionFailed, codeEtag, "The version of the existing record doesn't match the RowVersion property provided.")
	}
	return nil
}

// update changes a row that exists.
func (c *call) update(t *table, r *row, body map[string]json.RawMessage) *apiError {
	if e := c.need("write", t); e != nil {
		return e
	}
	if !c.m.reaches("write", t, r) {
		return c.m.out("write", t, r)
	}
	if e := c.unchanged(r); e != nil {
		return e
	}
	ch, e := c.merged(t, r, body)
	if e != nil {
		return e
	}
	reactivates := slices.Contains(ch.names, "statecode")
	if !t.active(r) && !reactivates && !c.s.quirks.WriteInactive {
		return fail(http.StatusBadRequest, codeArgument, "The %s with id %s is not active and cannot be changed.", t.logical, r.id)
	}
	if ch.owner != r.owner && !c.m.reaches("assign", t, r) {
		return c.m.out("assign", t, r)
	}
	if t.logical == tList && slices.Contains(ch.names, "createdfromcode") {
		return fail(http.StatusBadRequest, codeArgument, "The member type of a list cannot be changed.")
	}
	if e := c.unique(t, r.id, ch); e != nil {
		return e
	}
	c.o.change(t, r, ch.cells, ch.owner, c.m.id)
	return nil
}

// written answers a change: nothing, or the row where that is preferred.
func (c *call) written(t *table, r *row, status int) (*reply, *apiError) {
	at := c.origin + apiPath + t.set + "(" + r.id.String() + ")"
	if v, _ := c.prefer("return"); v != "representation" {
		a := noContent()
		a.header = map[string]string{"OData-EntityId": at}
		if status == http.StatusCreated {
			a.header["Location"] = at
		}
		return a, nil
	}
	cols := t.every()
	if c.query.Has("$select") {
		var e *apiError
		if cols, e = c.selection(t); e != nil {
			return nil, e
		}
	}
	a := c.one(status, t, r, cols)
	a.header["OData-EntityId"] = at
	c.applied(a, "return", "odata.include-annotations")
	return a, nil
}

// delete answers DELETE.
func (c *call) delete(t *table, key string) (*reply, *apiError) {
	if e := c.allow(); e != nil {
		return nil, e
	}
	r, e := c.find(t, key, "delete")
	if e != nil {
		return nil, e
	}
	if e := c.unchanged(r); e != nil {
		return nil, e
	}
	c.o.drop(t, r, c.m.id)
	return noContent(), nil
}

// drop deletes a row with what hangs on it: memberships and, of an account, the lookups of contacts.
func (o *org) drop(t *table, r *row, by guid) {
	switch t.logical {
	case tList:
		for _, member := range slices.Clone(o.membership(r.id).rows) {
			o.unlist(r.id, member, by)
		}
	case tContact, tLead:
		for id, l := range o.lists {
			if member := l.by[r.id]; member != nil {
				o.unlist(id, member, by)
			}
		}
	case tAccount:
		people := o.tables[tContact]
		col := people.col("parentcustomerid")
		for _, b := range slices.Clone(people.made) {
			if b.current() && b.r.raw(col) == ref(tAccount, r.id) {
				o.change(people, b.r, withCell(b.r.cells, col, ""), b.r.owner, by)
			}
		}
	}
	o.remove(t, r, by)
}

// clearLookup answers DELETE of a lookup's $ref.
func (c *call) clearLookup(t *table, key, name string) (*reply, *apiError) {
	col, target, ok := t.navigationNamed(name)
	if !ok || !t.writable {
		return nil, badSegment(name)
	}
	r, e := c.find(t, key, "write")
	if e != nil {
		return nil, e
	}
	if e := c.unchanged(r); e != nil {
		return nil, e
	}
	if table, _ := splitRef(r.raw(col)); target != "" && table == target {
		c.o.change(t, r, withCell(r.cells, col, ""), r.owner, c.m.id)
	}
	return noContent(), nil
}

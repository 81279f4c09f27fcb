package hubspot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// outgoing is one write on its way: where its result goes, what is sent, and what the contact held before.
type outgoing struct {
	index   int // in writes and results
	op      connector.Op
	id      string
	props   map[string]string
	now     raw
	company string // id of the company record to put the contact to; "" for none
	groups  []string
}

// batch is the writes of one Apply and their results.
type batch struct {
	c       *Connector
	cat     *catalogue
	results []connector.Result
	stop    error // what made it pointless to send anything more
}

// Apply sends creates, updates and deletes by the hundred. Creates are told apart by a trace id each, so that one that is refused does not
// hurt the others; where HubSpot refuses a whole batch, it is sent again by halves until what is refused stands alone. Nothing else is
// repeated here: what was cut off is ErrOutcomeUnknown.
func (c *Connector) Apply(ctx context.Context, writes []connector.Write) ([]connector.Result, error) {
	if len(writes) == 0 {
		return nil, nil
	}
	cat, err := c.catalogue(ctx)
	if err != nil {
		return nil, err
	}
	before, err := c.before(ctx, cat, writes)
	if err != nil {
		return nil, err
	}
	b := &batch{c: c, cat: cat, results: make([]connector.Result, len(writes))}
	byOp := map[connector.Op][]outgoing{}
	for i, w := range writes {
		b.results[i] = connector.Result{ID: w.ID}
		o, err := c.prepare(cat, i, w, before)
		switch {
		case err != nil:
			b.results[i].Err = err
		case o.op == connector.Update && len(o.props) == 0:
			b.results[i] = b.stored(o, contact{ID: o.id})
		default:
			byOp[w.Op] = append(byOp[w.Op], o)
		}
	}
	if err := c.employ(ctx, writes, byOp); err != nil {
		return nil, err
	}
	for _, op := range []connector.Op{connector.Create, connector.Update, connector.Delete} {
		for some := range slices.Chunk(byOp[op], perBatch) {
			b.send(ctx, some)
		}
	}
	b.after(ctx, byOp)
	return b.results, nil
}

// before reads the contacts of updates that came without what they hold.
func (c *Connector) before(ctx context.Context, cat *catalogue, writes []connector.Write) (map[string]raw, error) {
	var ids []string
	for _, w := range writes {
		if w.Op == connector.Update && planned(w) == nil && isID(w.ID) {
			ids = append(ids, w.ID)
		}
	}
	list, err := c.readAll(ctx, ids, nil)
	if err != nil {
		return nil, err
	}
	out := map[string]raw{}
	for i := range list {
		out[list[i].ID] = cat.item(&list[i], []record.Key{}, connector.ScopeUnknown).Raw.(raw)
	}
	return out, nil
}

// planned is what the contact held when the write was planned; nil if the engine does not say.
func planned(w connector.Write) raw {
	if w.Current != nil {
		if k, ok := w.Current.Raw.(raw); ok {
			return k
		}
	}
	return nil
}

// prepare encodes one write.
func (c *Connector) prepare(cat *catalogue, i int, w connector.Write, before map[string]raw) (outgoing, error) {
	o := outgoing{index: i, op: w.Op, id: w.ID, groups: w.Groups}
	switch w.Op {
	case connector.Create:
	case connector.Update:
		if o.now = planned(w); o.now == nil {
			o.now = before[w.ID]
		}
		if o.now == nil {
			return o, connector.ErrNotFound
		}
		fallthrough
	case connector.Delete:
		if !isID(w.ID) {
			return o, connector.ErrNotFound
		}
	default:
		return o, fmt.Errorf("%s: there is no write %q", System, w.Op)
	}
	if w.Op == connector.Delete {
		return o, nil
	}
	var err error
	if o.props, err = cat.encode(w, o.now); err != nil {
		return o, err
	}
	if w.Op == connector.Create && o.props[propEmail]+o.props["firstname"]+o.props["lastname"] == "" {
		return o, &connector.InvalidError{System: System, Reason: "a contact needs an e-mail address, a first name or a last name"}
	}
	if stage := cat.promote(o.now[propStage], w.Options[OptionStage]); stage != "" && len(o.props) > 0 {
		o.props[propStage] = stage
	}
	return o, nil
}

// fail files one error for several writes.
func (b *batch) fail(list []outgoing, err error) {
	for _, o := range list {
		b.results[o.index].Err = err
	}
}

// send carries out writes of one kind, at most 100. Refused as a whole they are sent again by halves; a single one without the lifecycle
// stage, if that is what was refused: HubSpot moves it forward only, and by its own rules.
func (b *batch) send(ctx context.Context, list []outgoing) {
	if len(list) == 0 {
		return
	}
	if b.stop != nil {
		b.fail(list, b.stop)
		return
	}
	got, err := b.call(ctx, list)
	var slow *connector.ThrottledError
	var lost *connector.AuthLostError
	switch {
	case errors.As(err, &slow), errors.As(err, &lost), denied(err):
		b.stop = err
		b.fail(list, err)
	case b.splits(err) && len(list) > 1:
		b.send(ctx, list[:len(list)/2])
		b.send(ctx, list[len(list)/2:])
	case err != nil && len(list) > 1:
		b.fail(list, err)
	case err != nil:
		b.refuse(ctx, list[0], err)
	default:
		b.file(ctx, list, got)
	}
}

// splits reports whether err may be about one write of several.
func (b *batch) splits(err error) bool {
	var dup *connector.DuplicateError
	return invalid(err) || errors.As(err, &dup) || errors.Is(err, connector.ErrNotFound)
}

// refuse files the refusal of one write, or sends it again without what it was refused for.
func (b *batch) refuse(ctx context.Context, o outgoing, err error) {
	res := &b.results[o.index]
	var dup *connector.DuplicateError
	switch {
	case o.props[propStage] != "" && about(err, propStage):
		delete(o.props, propStage)
		b.send(ctx, []outgoing{o})
		return
	case o.op == connector.Create && o.company != "" && (errors.Is(err, connector.ErrNotFound) || about(err, "")):
		b.c.companies.byName = nil // the company that was remembered may be gone
		o.company = ""
		b.send(ctx, []outgoing{o})
		return
	case o.op == connector.Delete && errors.Is(err, errGone):
		return
	case o.op == connector.Delete && errors.Is(err, connector.ErrNotFound):
		err = unsure(true, "it did not say that it is the contact which does not exist")
	case errors.As(err, &dup) && dup.ID == "" && dup.Field == string(record.Email):
		dup.ID = b.c.holding(ctx, o.props[propEmail])
	}
	if dup != nil && dup.ID != "" && dup.ID == o.id {
		err = &connector.InvalidError{System: System, Field: dup.Field, Reason: "the contact has this value already, as one of several; change it in HubSpot"}
	}
	res.Err = err
}

// holding is the id of the contact that has an e-mail address, or "".
func (c *Connector) holding(ctx context.Context, email string) string {
	if email == "" {
		return ""
	}
	var p contact
	r := request{path: contactPath(email), query: map[string][]string{"idProperty": {propEmail}, "properties": {propEmail}}, right: "read contacts"}
	if _, err := c.ask(ctx, r, &p); err != nil || !isID(p.ID) {
		return ""
	}
	return p.ID
}

// answers is the answer of a batch of writes.
type answers struct {
	Results []contact `json:"results"`
	Status  string    `json:"status"`
	Count   int       `json:"numErrors"`
	Errors  []refusal `json:"errors"`
}

// trace is the trace id of a write, unique within its batch.
func trace(o outgoing) string { return "w-" + strconv.Itoa(o.index) }

// call sends one batch.
func (b *batch) call(ctx context.Context, list []outgoing) (answers, error) {
	inputs := make([]map[string]any, len(list))
	for i, o := range list {
		in := map[string]any{}
		if o.op != connector.Create {
			in["id"] = o.id
		}
		if o.op != connector.Delete {
			in["properties"], in["objectWriteTraceId"] = o.props, trace(o)
		}
		if o.op == connector.Create && o.company != "" {
			in["associations"] = []any{map[string]any{"to": map[string]string{"id": o.company}, "types": []any{associationType(contactToCompany)}}}
		}
		inputs[i] = in
	}
	r := request{method: http.MethodPost, body: map[string]any{"inputs": inputs}, write: true, scope: ScopeContactsWrite}
	switch list[0].op {
	case connector.Create:
		r.path, r.right = contactsPath("/batch/create"), "add contacts"
	case connector.Update:
		r.path, r.right = contactsPath("/batch/update"), "change contacts"
	case connector.Delete:
		r.path, r.right = contactsPath("/batch/archive"), "delete contacts"
	}
	var got answers
	a, err := b.c.call(ctx, r)
	if err != nil {
		return got, err
	}
	archived := list[0].op == connector.Delete
	if archived && len(bytes.TrimSpace(a.body)) == 0 {
		return got, nil
	}
	if json.Unmarshal(a.body, &got) != nil || archived && (got.Status == "error" || got.Count > len(got.Errors)) || !archived && got.Results == nil && len(got.Errors) == 0 {
		return got, strange(r)
	}
	return got, nil
}

// file sorts what became of each write of a batch that was answered. What the answer does not name may have been done; a deletion was,
// unless there are errors that it does not say the contacts of.
func (b *batch) file(ctx context.Context, list []outgoing, got answers) {
	left := slices.Clone(list)
	claim := func(is func(outgoing) bool) (outgoing, bool) {
		i := slices.IndexFunc(left, is)
		if i < 0 {
			return outgoing{}, false
		}
		o := left[i]
		left = slices.Delete(left, i, i+1)
		return o, true
	}
	var untold []contact
	strangers := 0 // results of which it is not clear whose they are
	for _, p := range got.Results {
		o, ok := claim(func(o outgoing) bool {
			return p.Trace == trace(o) || p.Trace == "" && o.op == connector.Update && p.ID == o.id
		})
		if !ok {
			untold = append(untold, p)
			continue
		}
		b.results[o.index] = b.stored(o, p)
	}
	var unplaced []error
	for _, e := range got.Errors {
		traces, ids := e.Context["objectWriteTraceId"], append(e.Context["ids"], e.Context["id"]...)
		for _, d := range e.Errors {
			traces, ids = append(traces, d.Context["objectWriteTraceId"]...), append(ids, d.Context["ids"]...)
		}
		err := b.c.recordError(e)
		placed := false
		for {
			o, ok := claim(func(o outgoing) bool {
				return slices.Contains(traces, trace(o)) || o.op != connector.Create && slices.Contains(ids, o.id)
			})
			if !ok {
				break
			}
			placed = true
			b.refuse(ctx, o, err)
		}
		if !placed {
			unplaced = append(unplaced, err)
		}
	}
	for _, p := range untold { // without a trace id, a new contact is known by what it holds, if only one write says so
		alike := func(o outgoing) bool { return o.op == connector.Create && p.Trace == "" && holds(p, o) }
		if i := slices.IndexFunc(left, alike); i >= 0 && !slices.ContainsFunc(left[i+1:], alike) {
			o, _ := claim(alike)
			b.results[o.index] = b.stored(o, p)
		} else {
			strangers++
		}
	}
	switch {
	case list[0].op == connector.Delete && len(unplaced) == 0:
	case len(unplaced) == 0 || len(unplaced) != len(left) || strangers > 0: // one of those left may be the stranger
		b.fail(left, unsure(true, "it did not say what became of each contact"))
	case len(left) == 1:
		b.refuse(ctx, left[0], unplaced[0])
	default: // all of them were refused, and each by itself says for what
		for _, o := range left {
			b.send(ctx, []outgoing{o})
		}
	}
}

// holds reports whether a stored contact has what was sent.
func holds(p contact, o outgoing) bool {
	for _, name := range []string{propEmail, "firstname", "lastname"} {
		if !equalFold(p.text(name), o.props[name]) {
			return false
		}
	}
	return true
}

// stored is the result of a write that was done. The answer names only some properties; the others are as they were.
func (b *batch) stored(o outgoing, p contact) connector.Result {
	switch {
	case !isID(p.ID):
		return connector.Result{ID: o.id, Err: unsure(true, "it did not say which contact it wrote")}
	case o.id != "" && p.ID != o.id: // it was merged meanwhile: the next reading follows it
		return connector.Result{ID: o.id, Err: connector.ErrVersionConflict}
	case p.Archived:
		return connector.Result{ID: o.id, Err: connector.ErrNotFound}
	}
	whole := contact{ID: p.ID, Created: p.Created, Props: map[string]*string{}}
	for _, name := range b.cat.asked {
		whole.Props[name] = nil
	}
	for _, from := range []map[string]string{o.now, o.props} {
		for name, v := range from {
			whole.Props[name] = &v
		}
	}
	for name, v := range p.Props {
		whole.Props[name] = v
	}
	it := b.cat.item(&whole, nil, connector.ScopeUnknown)
	return connector.Result{ID: it.ID, Version: it.Version, Item: &it}
}

package hubspot

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
)

// modern reports whether the version answers partial failures with the status of a success.
func (c *call) modern() bool { return c.v == "2026-09" }

// batch is the answer of a batch. Errors change the status only in the older versions.
func (c *call) batch(status int, results []object, errors []object) (*reply, error) {
	now := stamp(c.s.now())
	body := object{"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
	if len(errors) > 0 {
		body["numErrors"], body["errors"] = len(errors), errors
		if !c.modern() {
			status = http.StatusMultiStatus
		}
	}
	return &reply{status, body}, nil
}

// inputs reads a body with inputs and perhaps other members.
func inputs[T any](c *call, extra ...string) (in struct {
	Inputs                []T      `json:"inputs"`
	Properties            []string `json:"properties"`
	PropertiesWithHistory []string `json:"propertiesWithHistory"`
	IDProperty            string   `json:"idProperty"`
}, err error) {
	if err = c.json(&in, append(extra, "inputs")...); err != nil {
		return in, err
	}
	if len(in.Inputs) == 0 || len(in.Inputs) > batchMost {
		return in, bad("The batch must have 1 to 100 inputs")
	}
	return in, nil
}

type idInput struct {
	ID string `json:"id"`
}

// batchRead answers in the order of ids, each record once, whatever the inputs' order: the vendor promises none.
func batchRead(c *call) (*reply, error) {
	in, err := inputs[idInput](c, "properties", "propertiesWithHistory", "idProperty")
	if err != nil {
		return nil, err
	}
	if len(in.PropertiesWithHistory) > 0 {
		return nil, bad("The sandbox keeps no history of properties")
	}
	archived, err := c.flag("archived")
	if err != nil {
		return nil, err
	}
	found, gone := map[int64]*row{}, []string{}
	for _, i := range in.Inputs {
		if i.ID == "" {
			return nil, bad("Invalid input JSON: an input has no id")
		}
		r, err := c.identified(i.ID, in.IDProperty, archived)
		switch f, _ := err.(*refusal); {
		case err == nil:
			found[r.ID] = r
		case f.status == http.StatusNotFound:
			gone = append(gone, i.ID)
		default:
			return nil, err
		}
	}
	results := []object{}
	for _, id := range slices.Sorted(maps.Keys(found)) {
		results = append(results, c.table().render(found[id], view{names: in.Properties}))
	}
	var errors []object
	if len(gone) > 0 && !c.s.cfg.Quirks.SilentMissing {
		errors = []object{{"status": "error", "category": "OBJECT_NOT_FOUND", "context": object{"ids": gone},
			"message": "Could not get some " + c.kind.upper() + " objects, they may be deleted or not exist. Check that ids are valid."}}
	}
	return c.batch(http.StatusOK, results, errors)
}

type createInput struct {
	Properties   values      `json:"properties"`
	Associations []linkInput `json:"associations"`
	TraceID      string      `json:"objectWriteTraceId"`
}

// batchCreate reports single errors only where every input has a trace id of its own. Otherwise one bad input fails all.
func batchCreate(c *call) (*reply, error) {
	in, err := inputs[createInput](c)
	if err != nil {
		return nil, err
	}
	traces := map[string]bool{}
	for _, i := range in.Inputs {
		if i.TraceID != "" {
			traces[i.TraceID] = true
		}
	}
	partial := len(traces) == len(in.Inputs)
	t, taken := c.table(), claims{}
	drafts, errors := make([]*row, len(in.Inputs)), []object{}
	for n, i := range in.Inputs {
		r, err := c.draft(t, i.Properties, i.Associations, taken)
		if err == nil {
			drafts[n] = r
			continue
		}
		f, known := err.(*refusal)
		if !partial || !known {
			return nil, err
		}
		errors = append(errors, object{"status": "error", "category": f.body["category"], "message": f.body["message"],
			"context": object{"objectWriteTraceId": []string{i.TraceID}}})
	}
	results := []object{}
	for n, r := range drafts {
		if r == nil {
			continue
		}
		c.create(t, r)
		c.makeLinks(t, r, in.Inputs[n].Associations)
		results = append(results, traced(t.written(r, nil), in.Inputs[n].TraceID))
	}
	return c.batch(http.StatusCreated, results, errors)
}

func traced(out object, id string) object {
	if id != "" {
		out["objectWriteTraceId"] = id
	}
	return out
}

type updateInput struct {
	ID         string          `json:"id"`
	Properties values          `json:"properties"`
	TraceID    string          `json:"objectWriteTraceId"`
	IDProperty json.RawMessage `json:"idProperty"`
}

// change is one record of a batch before and after.
type change struct{ r, after *row }

// batchUpdate changes all or nothing, and takes record ids only.
func batchUpdate(c *call) (*reply, error) {
	in, err := inputs[updateInput](c)
	if err != nil {
		return nil, err
	}
	t, taken, changes := c.table(), claims{}, make([]change, len(in.Inputs))
	for n, i := range in.Inputs {
		if i.IDProperty != nil {
			return nil, bad("Batch updates take record ids only")
		}
		r, err := c.writable(i.ID, "")
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(changes[:n], func(x change) bool { return x.r == r }) {
			return nil, bad("Duplicate IDs found in batch input: " + i.ID + ". IDs must be unique")
		}
		if len(i.Properties) == 0 {
			return nil, bad("Invalid input JSON: properties are required")
		}
		changes[n] = change{r, r.clone()}
		if err := c.apply(t, changes[n].after, i.Properties, taken, false); err != nil {
			return nil, err
		}
	}
	results := []object{}
	for n, x := range changes {
		c.replace(t, x.r, x.after)
		results = append(results, traced(t.written(x.r, slices.Sorted(maps.Keys(in.Inputs[n].Properties))), in.Inputs[n].TraceID))
	}
	return c.batch(http.StatusOK, results, nil)
}

type upsertInput struct {
	ID         string `json:"id"`
	IDProperty string `json:"idProperty"`
	Properties values `json:"properties"`
	TraceID    string `json:"objectWriteTraceId"`
}

// batchUpsert is all or nothing too. By e-mail address it is not partial: what an input leaves out is emptied, but for owner and
// lifecycle stage.
func batchUpsert(c *call) (*reply, error) {
	in, err := inputs[upsertInput](c)
	if err != nil {
		return nil, err
	}
	t, taken, changes := c.table(), claims{}, make([]change, len(in.Inputs))
	for n, i := range in.Inputs {
		if i.IDProperty == "" || !t.unique(i.IDProperty) || i.ID == "" {
			return nil, bad("An upsert needs an id and an idProperty with unique values")
		}
		if _, twice := taken[i.IDProperty+"\n"+fold(i.ID)]; twice {
			return nil, bad("Duplicate IDs found in batch input: " + i.ID + ". IDs must be unique")
		}
		props := values{i.IDProperty: &in.Inputs[n].ID}
		maps.Copy(props, i.Properties)
		r, err := c.identified(i.ID, i.IDProperty, false)
		if err != nil {
			if changes[n].after, err = c.draft(t, props, nil, taken); err != nil {
				return nil, err
			}
			continue
		}
		after := r.clone()
		if i.IDProperty == "email" {
			after.Props = nil
			for _, e := range r.Props {
				d := t.p.property(t.kind, e.Name)
				if d != nil && (d.ReadOnly || e.Name == "hubspot_owner_id" || e.Name == "lifecyclestage") {
					after.Props = after.Props.with(e.Name, e.Value)
				}
			}
		}
		changes[n] = change{r, after}
		if err := c.apply(t, after, props, taken, false); err != nil {
			return nil, err
		}
	}
	results := []object{}
	for n, x := range changes {
		i, fresh := in.Inputs[n], x.r == nil
		if fresh {
			x.r = x.after
			c.create(t, x.r)
		} else {
			c.replace(t, x.r, x.after)
		}
		out := traced(t.written(x.r, slices.Sorted(maps.Keys(i.Properties))), i.TraceID)
		out["new"] = fresh
		results = append(results, out)
	}
	return c.batch(http.StatusOK, results, nil)
}

func batchArchive(c *call) (*reply, error) {
	in, err := inputs[idInput](c)
	if err != nil {
		return nil, err
	}
	var rows []*row
	for _, i := range in.Inputs {
		r, err := c.writable(i.ID, "")
		if err != nil {
			return nil, err
		}
		if slices.Contains(rows, r) {
			return nil, bad("Duplicate IDs found in batch input: " + i.ID + ". IDs must be unique")
		}
		rows = append(rows, r)
	}
	for _, r := range rows {
		c.archive(c.table(), r)
	}
	return nothing()
}

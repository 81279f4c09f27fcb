package zoho

import (
	"encoding/json"
	"net/http"
	"slices"
)

// taken says which fields a merge takes from which loser.
type taken struct {
	from   int64
	fields []string
}

// parseMerge reads a merge request: one or two losers, each with the fields that win over the master's.
func (c *call) parseMerge(module string) ([]int64, []taken, error) {
	m, err := c.decode("merge")
	if err != nil {
		return nil, nil, err
	}
	type apiName struct {
		API string `json:"api_name"`
	}
	var merges []struct {
		Data []struct {
			ID     string    `json:"id"`
			Fields []apiName `json:"_fields"`
		} `json:"data"`
		Master []apiName `json:"master_record_fields"`
	}
	bad := func(path string) error {
		return refuse(http.StatusBadRequest, "INVALID_DATA", "invalid data", object{"api_name": "merge", "json_path": path})
	}
	if json.Unmarshal(m["merge"], &merges) != nil || len(merges) != 1 || len(merges[0].Data) < 1 || len(merges[0].Data) > 2 {
		return nil, nil, bad("$.merge")
	}
	var losers []int64
	var fields []taken
	var named []string
	for _, f := range merges[0].Master {
		named = append(named, f.API)
	}
	for _, d := range merges[0].Data {
		id := parseID(d.ID)
		if id == 0 || slices.Contains(losers, id) {
			return nil, nil, bad("$.merge[0].data")
		}
		losers = append(losers, id)
		t := taken{from: id}
		for _, f := range d.Fields {
			def := c.m.field(module, f.API)
			if def == nil || def.System || slices.Contains(named, f.API) {
				return nil, nil, bad("$.merge[0].data")
			}
			named = append(named, f.API)
			t.fields = append(t.fields, f.API)
		}
		fields = append(fields, t)
	}
	return losers, fields, nil
}

// merge gives master the taken fields, and what it lacks from the losers, and puts the losers into the bin.
func (s *Sandbox) merge(m *member, t *table, master *row, losers []*row, fields []taken) {
	set := map[string]json.RawMessage{}
	have := master.values()
	for _, l := range losers {
		for k, v := range l.values() {
			if have[k] == nil && set[k] == nil {
				set[k] = v
			}
		}
	}
	for _, tk := range fields {
		v := t.rows[tk.from].values()
		for _, f := range tk.fields {
			set[f] = v[f]
		}
	}
	for _, l := range losers {
		s.bury(m, t, l, recycled)
	}
	s.store(m, t, master, set, "findandmerge")
}

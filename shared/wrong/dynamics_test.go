package wrong_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"meibo/shared/system"
)

const zohoDynamics = system.Zoho + ":" + system.Dynamics

// dataverse makes a call of Dataverse's API as another application of the user's would.
func (c *company) dataverse(method, path, body string, out any) {
	c.w.t.Helper()
	token, _, err := c.w.boxes.Dynamics.Authorize(c.book)
	c.w.must(err)
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(context.Background(), method, c.w.origins[system.Dynamics]+"/api/data/v9.2/"+path, in)
	c.w.must(err)
	for k, v := range map[string]string{"Authorization": "Bearer " + token, "Accept": "application/json", "OData-Version": "4.0", "OData-MaxVersion": "4.0",
		"Content-Type": "application/json; charset=utf-8"} {
		r.Header.Set(k, v)
	}
	if method == http.MethodPatch {
		r.Header.Set("If-Match", "*")
	}
	res, err := c.w.hc.Do(r)
	c.w.must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	c.w.must(err)
	if res.StatusCode >= 300 {
		c.w.t.Fatalf("%s %s: got %d: %s", method, path, res.StatusCode, b)
	}
	if out != nil {
		c.w.must(json.Unmarshal(b, out))
	}
}

// column reads a column of a contact in Dynamics.
func (c *company) column(id, name string) string {
	c.w.t.Helper()
	var row map[string]any
	c.dataverse(http.MethodGet, "contacts("+id+")?$select="+name, "", &row)
	s, _ := row[name].(string)
	return s
}

package dynamics_test

import (
	"bufio"
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"meibo/shared/sandbox"
	"meibo/shared/sandbox/dynamics"
)

// op is one operation of a batch.
func op(method, target, body string, headers ...string) string {
	lines := append([]string{"Content-Type: application/http", "Content-Transfer-Encoding: binary", "", method + " " + target + " HTTP/1.1"}, headers...)
	if body != "" {
		lines = append(lines, "Content-Type: application/json; type=entry")
	}
	return strings.Join(append(lines, "", body), "\r\n")
}

func together(boundary string, parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("--" + boundary + "\r\n" + p + "\r\n")
	}
	return b.String() + "--" + boundary + "--\r\n"
}

// changes is a change set whose operations have the Content-IDs 1, 2 and so on.
func changes(ops ...string) string {
	for i := range ops {
		ops[i] = "Content-ID: " + strconv.Itoa(i+1) + "\r\n" + ops[i]
	}
	return "Content-Type: multipart/mixed;boundary=changeset_c\r\n\r\n" + together("changeset_c", ops...)
}

// batch sends operations and returns the answer and the answers of the parts, those of change sets among them.
func (w *world) batch(goOn bool, parts ...string) (*answer, []*http.Response) {
	w.t.Helper()
	headers := []header{{"Content-Type", "multipart/mixed;boundary=batch_a1"}}
	if goOn {
		headers = append(headers, prefer("odata.continue-on-error"))
	}
	a := w.do("POST", "/$batch", together("batch_a1", parts...), headers...)
	return a, responses(w.t, a.header.Get("Content-Type"), a.raw)
}

func responses(t *testing.T, kind string, body []byte) []*http.Response {
	t.Helper()
	_, params, err := mime.ParseMediaType(kind)
	must(t, err)
	var out []*http.Response
	parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if err == io.EOF {
			return out
		}
		must(t, err)
		inner, err := io.ReadAll(p)
		must(t, err)
		if kind := p.Header.Get("Content-Type"); strings.HasPrefix(kind, "multipart/") {
			out = append(out, responses(t, kind, inner)...)
			continue
		}
		res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(inner)), nil)
		must(t, err)
		out = append(out, res)
	}
}

func statuses(all []*http.Response) string {
	var out []string
	for _, r := range all {
		out = append(out, strconv.Itoa(r.StatusCode))
	}
	return strings.Join(out, " ")
}

const below = "/api/data/v9.2/"

func TestBatch(t *testing.T) {
	w := newWorld(t)
	id := w.create("contacts", fields{"lastname": "Oda"})
	ok := op("PATCH", below+"contacts("+id+")", `{"jobtitle":"Buyer"}`, "If-Match: *")
	bad := op("PATCH", below+"contacts("+ghost+")", `{"jobtitle":"Buyer"}`, "If-Match: *")
	read := op("GET", below+"contacts("+id+")?$select=jobtitle", "")
	t.Run("goes on after an error where that is preferred", func(t *testing.T) {
		a, got := w.batch(true, ok, bad, read)
		equal(t, "statuses", statuses(got), "204 404 200")
		equal(t, "status", a.status, 200)
		b, _ := io.ReadAll(got[2].Body)
		if !bytes.Contains(b, []byte(`"jobtitle":"Buyer"`)) {
			t.Errorf("got %s", b)
		}
	})
	t.Run("stops at an error otherwise, with its status", func(t *testing.T) {
		a, got := w.batch(false, ok, bad, read)
		equal(t, "statuses", statuses(got), "204 404")
		equal(t, "status", a.status, 404)
	})
	t.Run("takes whole and relative addresses", func(t *testing.T) {
		_, got := w.batch(true, op("GET", w.srv.URL+below+"WhoAmI", ""), op("GET", "WhoAmI", ""), op("GET", "https://elsewhere.example"+below+"WhoAmI", ""))
		equal(t, "statuses", statuses(got), "200 200 400")
	})
	t.Run("a change set is all or nothing", func(t *testing.T) {
		before := w.etag("contacts", id)
		_, got := w.batch(true, changes(op("PATCH", below+"contacts("+id+")", `{"jobtitle":"Seller"}`), op("POST", below+"contacts", `{"lastname":"New"}`), op("DELETE", below+"contacts("+ghost+")", "")), read)
		equal(t, "statuses", statuses(got), "404 200")
		equal(t, "version", w.etag("contacts", id), before)
		equal(t, "rows", len(w.do("GET", "/contacts?$select=contactid", nil).values()), 1)
		_, delta := w.round("/contacts?$select=firstname")
		items, _ := w.round(delta)
		equal(t, "changes after it", len(items), 0)
	})
	t.Run("a change set may name what it made", func(t *testing.T) {
		_, got := w.batch(true, changes(op("POST", below+"accounts", `{"name":"Kitano"}`),
			op("POST", below+"contacts", `{"lastname":"Ueda","parentcustomerid_account@odata.bind":"$1"}`), op("PATCH", "$2", `{"firstname":"Jun"}`)))
		equal(t, "statuses", statuses(got), "204 204 204")
		made := got[1].Header.Get("OData-EntityId")
		row := w.do("GET", made+"?$select=fullname,_parentcustomerid_value", nil).want(200)
		equal(t, "name", row.str("fullname"), "Jun Ueda")
		if row.str("_parentcustomerid_value") == "" {
			t.Error("the account is missing")
		}
		_, got = w.batch(true, changes(op("PATCH", "$9", `{}`)), changes(op("GET", below+"WhoAmI", "")))
		equal(t, "statuses", statuses(got), "400 400")
	})
	t.Run("a fault may hit one operation", func(t *testing.T) {
		w.box.PartFaults().Add(sandbox.Fault{Method: "PATCH", Status: 429, Header: map[string]string{"Retry-After": "7"}})
		_, got := w.batch(true, ok, ok)
		equal(t, "statuses", statuses(got), "429 204")
		equal(t, "wait", got[0].Header.Get("Retry-After"), "7")
	})
	t.Run("a cut connection in a change set takes it back", func(t *testing.T) {
		before := w.etag("contacts", id)
		w.box.PartFaults().Add(sandbox.Fault{Method: "DELETE"})
		_, err := w.srv.Client().Do(batchRequest(t, w, changes(ok, op("DELETE", below+"contacts("+id+")", ""))))
		if err == nil {
			t.Fatal("the connection was not cut")
		}
		equal(t, "version", w.etag("contacts", id), before)
	})
}

func batchRequest(t *testing.T, w *world, parts ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequest("POST", w.srv.URL+below+"$batch", strings.NewReader(together("batch_a1", parts...)))
	must(t, err)
	for k, v := range map[string]string{"Authorization": "Bearer " + w.token, "Accept": "application/json", "OData-Version": "4.0", "OData-MaxVersion": "4.0", "Content-Type": "multipart/mixed;boundary=batch_a1"} {
		r.Header.Set(k, v)
	}
	return r
}

func TestBatchesMustBeWellFormed(t *testing.T) {
	w := newWorld(t)
	good := together("batch_a1", op("GET", below+"WhoAmI", ""))
	cases := map[string]string{
		"bare line feeds":            strings.ReplaceAll(good, "\r\n", "\n"),
		"another boundary":           strings.ReplaceAll(good, "batch_a1", "batch_b2"),
		"no end":                     strings.TrimSuffix(good, "--batch_a1--\r\n"),
		"text after the end":         good + "more",
		"text before the beginning":  "x\r\n" + good,
		"a header cut short":         strings.Replace(good, "HTTP/1.1\r\n\r\n\r\n", "HTTP/1.1\r\nAccept: x\r\n", 1),
		"a part of another type":     strings.Replace(good, "application/http", "text/plain", 1),
		"no transfer encoding":       strings.Replace(good, "Content-Transfer-Encoding: binary\r\n", "", 1),
		"another version of HTTP":    strings.Replace(good, "HTTP/1.1", "HTTP/1.0", 1),
		"no empty line":              strings.Replace(good, "HTTP/1.1\r\n\r\n\r\n", "HTTP/1.1\r\n", 1),
		"nothing":                    "",
		"a change set without parts": together("batch_a1", "Content-Type: multipart/mixed;boundary=c\r\n\r\n--c--\r\n"),
	}
	for name, body := range cases {
		t.Run(name, func(t *testing.T) {
			w.do("POST", "/$batch", body, header{"Content-Type", "multipart/mixed;boundary=batch_a1"}).refused(400, "0x80060888")
		})
	}
	w.do("POST", "/$batch", good, header{"Content-Type", "application/json"}).want(415)
	w.do("GET", "/$batch", nil).want(405)
	_, got := w.batch(true, op("POST", below+"$batch", "{}"))
	equal(t, "a batch in a batch", statuses(got), "400")
	must(t, w.box.SetLimits(dynamics.Limits{BatchParts: 2}))
	w.do("POST", "/$batch", together("b", op("GET", "WhoAmI", ""), changes(op("DELETE", "x", ""), op("DELETE", "y", ""))), header{"Content-Type", "multipart/mixed;boundary=b"}).refused(400, "0x80060888")
}

package contract_test

import (
	"net/http"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"meibo/shared/contract"
)

const description = `{"openapi":"3.0.3","info":{"title":"t","version":"1"},"paths":{
	"/people/{id}":{"get":{"parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"integer"}},{"name":"page","in":"query","schema":{"type":"integer"}}],
		"responses":{"200":{"description":"","content":{"application/json":{"schema":{"type":"object","required":["name"],"properties":{"name":{"type":"string"}}}}}}}}},
	"/people/search":{"get":{"responses":{"200":{"description":""}}}}}}`

func find(t *testing.T, path string) *contract.Call {
	t.Helper()
	d, err := openapi3.NewLoader().LoadFromData([]byte(description))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest("GET", "https://vendor.example"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return contract.Find(d, r.URL.Path, r, nil)
}

func TestTheOperationWithTheMostFixedSegmentsIsFound(t *testing.T) {
	for path, want := range map[string]string{"/people/7": "/people/{id}", "/people/search": "/people/search"} {
		if c := find(t, path); c == nil || c.Route.Path != want {
			t.Errorf("%s: got %+v, want %s", path, c, want)
		}
	}
	if c := find(t, "/people"); c != nil {
		t.Errorf("got %s for a path that is not there", c.Route.Path)
	}
}

func TestWhatIsWrongIsSeen(t *testing.T) {
	if c := find(t, "/people/7?page=2"); c.Request() != nil || c.Parameters() != nil {
		t.Errorf("a right request: %v, %v", c.Request(), c.Parameters())
	}
	if find(t, "/people/seven").Request() == nil || find(t, "/people/7?page=two").Request() == nil {
		t.Error("a parameter of the wrong type passes")
	}
	if find(t, "/people/7?sort=a").Parameters() == nil {
		t.Error("an unknown parameter passes")
	}
	c := find(t, "/people/7?sort=a&page=two")
	if c.Except("sort", "page"); c.Request() != nil || c.Parameters() != nil {
		t.Errorf("an excepted parameter is checked: %v, %v", c.Request(), c.Parameters())
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if err := c.Answer(200, header, []byte(`{"name":"Aiko"}`)); err != nil {
		t.Errorf("a right answer: %v", err)
	}
	if c.Answer(200, header, []byte(`{"name":7}`)) == nil || c.Answer(200, header, []byte(`{}`)) == nil || c.Answer(404, header, nil) == nil || c.Has(404) {
		t.Error("a wrong answer passes")
	}
}

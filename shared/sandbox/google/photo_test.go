package google_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/png"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/api/people/v1"
)

func TestPhotoIsStoredReencodedAndChangesTheEtag(t *testing.T) {
	w := newWorld(t)
	id := w.put(named("A", "x"))[0]
	before := w.get(id)
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	res := must(w.api.People.UpdateContactPhoto(id, &people.UpdateContactPhotoRequest{
		PhotoBytes: base64.StdEncoding.EncodeToString(b.Bytes()), PersonFields: "metadata,photos", Sources: []string{contactSrc},
	}).Do())(t)
	if res.Person.Photos[0].Default || res.Person.Metadata.Sources[0].Etag == before.Metadata.Sources[0].Etag {
		t.Errorf("got %+v with the old etag or the default picture", res.Person.Photos[0])
	}
	fetch := func(url string) (int, []byte) {
		r := must(http.Get(url))(t)
		defer r.Body.Close()
		return r.StatusCode, must(io.ReadAll(r.Body))(t)
	}
	status, got := fetch(res.Person.Photos[0].Url + "?sz=200")
	if cfg, kind, err := image.DecodeConfig(bytes.NewReader(got)); status != 200 || err != nil || kind != "jpeg" || cfg.Width != 8 {
		t.Errorf("got %d, %s %v", status, kind, err)
	}
	must(w.api.People.DeleteContactPhoto(id).PersonFields("photos,metadata").Do())(t)
	after := w.get(id)
	if !after.Photos[0].Default {
		t.Error("the picture is still there")
	}
	if status, _ := fetch(res.Person.Photos[0].Url); status != 404 {
		t.Errorf("the old address answers %d", status)
	}
	if status, _ := fetch(after.Photos[0].Url); status != 200 {
		t.Errorf("the default picture answers %d", status)
	}
	for body, want := range map[string]string{
		`{}`:                        "photoBytes is required",
		`{"photoBytes":"?"}`:        "TYPE_BYTES",
		`{"photoBytes":"aGVsbG8="}`: "neither JPEG nor PNG",
		`{"photo":"x"}`:             "Unknown name",
	} {
		status, answer := w.raw("PATCH", "/v1/"+id+":updateContactPhoto", body)
		if status != 400 || !strings.Contains(answer, want) {
			t.Errorf("%s: got %d %s", body, status, answer)
		}
	}
}

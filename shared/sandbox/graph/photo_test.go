package graph_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"testing"

	"meibo/shared/sandbox/graph"
)

func picture(t *testing.T, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, w, h)), nil))
	return b.Bytes()
}

var asJPEG = header{"Content-Type", "image/jpeg"}

func TestPictures(t *testing.T) {
	w := newWorld(t, func(c *graph.Config) { c.Limits.PhotoBytes = 10_000 })
	id := w.create("/me/contacts", fields{"givenName": "A"})
	at := "/me/contacts/" + id + "/photo"
	etag := w.do("GET", "/me/contacts/"+id, nil).want(200).str("@odata.etag")
	_, link := w.round(delta)

	none := w.do("GET", at, nil).want(200)
	equal(t, "id without a picture", none.str("id"), "1X1")
	equal(t, "etag without a picture", none.str("@odata.mediaEtag"), "")
	w.do("GET", at+"/$value", nil).refused(404, "ErrorItemNotFound")

	want := picture(t, 30, 20)
	w.do("PUT", at+"/$value", want, asJPEG).want(200)
	got := w.do("GET", at+"/$value", nil).want(200)
	if !bytes.Equal(got.raw, want) || got.header.Get("Content-Type") != "image/jpeg" {
		t.Error("another picture came back")
	}
	first := w.do("GET", at, nil).want(200)
	equal(t, "id", first.str("id"), "30X20")
	w.do("PATCH", at+"/$value", picture(t, 5, 5), asJPEG).want(200)
	if again := w.do("GET", at, nil).want(200); again.str("@odata.mediaEtag") == first.str("@odata.mediaEtag") {
		t.Error("the media etag stayed")
	}
	equal(t, "the contact's etag", w.do("GET", "/me/contacts/"+id, nil).str("@odata.etag"), etag)
	items, _ := w.round(link)
	equal(t, "delta", len(items), 0)

	w.do("DELETE", at+"/$value", nil).want(405)
	w.do("PUT", at+"/$value", want, header{"Content-Type", "image/png"}).want(415)
	w.do("PUT", at+"/$value", bytes.Repeat([]byte("x"), 10_001), asJPEG).want(413)
	var b bytes.Buffer
	must(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 2, 2))))
	w.do("PUT", at+"/$value", b.Bytes(), asJPEG).refused(400, "ErrorInvalidImage")

	must(t, w.box.AddUser(graph.User{Email: "me@outlook.example", Name: "Me", Tenant: "personal"}))
	w.signIn("me@outlook.example", full)
	id = w.create("/me/contacts", fields{"givenName": "B"})
	w.do("GET", "/me/contacts/"+id+"/photo/$value", nil).want(403)
	w.do("PUT", "/me/contacts/"+id+"/photo/$value", want, asJPEG).want(403)
}

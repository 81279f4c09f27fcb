package google_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/google"
	"meibo/shared/record"
)

// asked counts requests and remembers whether one was authorised.
type asked struct {
	n      int
	signed bool
}

func (a *asked) RoundTrip(r *http.Request) (*http.Response, error) {
	a.n++
	a.signed = a.signed || r.Header.Get("Authorization") != ""
	return http.DefaultTransport.RoundTrip(r)
}

func TestPhotos(t *testing.T) {
	b := newBox(t, nil)
	person := record.Record{Kind: record.Contact, Fields: record.Fields{record.NameFamily: {{Text: "Morita"}}}}
	ids := b.put("", []record.Record{person, person})
	seen := &asked{}
	open := func(pictures *http.Client, base string) *google.Connector {
		c, err := google.New(context.Background(), google.Config{Client: b.client, BaseURL: base, Clock: b.clock, Patience: time.Hour,
			Limits: google.DefaultLimits(), Pictures: pictures})
		b.must(err)
		return c
	}
	c := open(&http.Client{Transport: seen}, b.url)
	var picture bytes.Buffer
	b.must(png.Encode(&picture, image.NewGray(image.Rect(0, 0, 8, 8))))

	t.Run("a letter that Google draws is no picture", func(t *testing.T) {
		got, err := c.Photos(t.Context(), ids)
		if err != nil || len(got) != 2 || got[0] != nil || got[1] != nil || seen.n > 0 {
			t.Errorf("got %v, %v after %d downloads", got, err, seen.n)
		}
	})
	t.Run("what is set is what is read, by the side of those without", func(t *testing.T) {
		b.must(c.SetPhoto(t.Context(), ids[0], connector.Photo{Data: picture.Bytes(), Type: "image/png"}))
		got, err := c.Photos(t.Context(), []string{ids[1], "no such name", ids[0]})
		if err != nil || got[0] != nil || got[1] != nil || got[2] == nil {
			t.Fatalf("got %v, %v", got, err)
		}
		if stored, err := b.sb.Photo(user, ids[0]); err != nil || !bytes.Equal(got[2].Data, stored) || got[2].Type != "image/jpeg" {
			t.Errorf("got %d bytes of %s, want the %d that Google stored", len(got[2].Data), got[2].Type, len(stored))
		}
		if seen.n != 1 || seen.signed {
			t.Errorf("%d downloads, authorised %v; want one that is not", seen.n, seen.signed)
		}
	})
	t.Run("nobody is sent to a host that is neither Google's nor the API's own", func(t *testing.T) {
		n := seen.n
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"responses":[{"requestedResourceName":"people/c1","person":{"resourceName":"people/c1","photos":[{"url":%q}]}}]}`, b.url+"/photos/1")
		}))
		defer api.Close()
		away := open(&http.Client{Transport: seen}, api.URL)
		if got, err := away.Photos(t.Context(), []string{"people/c1"}); err != nil || got[0] != nil || seen.n != n {
			t.Errorf("got %v, %v after %d downloads", got, err, seen.n-n)
		}
	})
	t.Run("without a client for pictures there are none", func(t *testing.T) {
		if got, err := open(nil, b.url).Photos(t.Context(), ids); err != nil || got[0] != nil {
			t.Errorf("got %v, %v", got, err)
		}
	})
	t.Run("what cannot be a picture is refused before it is sent", func(t *testing.T) {
		for name, p := range map[string]connector.Photo{"nothing": {}, "too much": {Data: make([]byte, 6<<20)}} {
			if err := c.SetPhoto(t.Context(), ids[0], p); err == nil {
				t.Errorf("%s was taken", name)
			}
		}
	})
}

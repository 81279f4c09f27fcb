package pipedrive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"path"
	"strings"

	"meibo/shared/connector"
	"meibo/shared/connector/exchange"
)

const maxPicture = 20 << 20

// pictureTypes are the media types that Pipedrive takes, with the name of the file that it is told.
var pictureTypes = map[string]string{"image/jpeg": "photo.jpg", "image/png": "photo.png", "image/gif": "photo.gif"}

// Photos reads pictures in their larger size: a list to see who has one, then two calls for each. A picture that lies at a host that may not
// be asked (see Config.Pictures) has a type and no data.
func (c *Connector) Photos(ctx context.Context, ids []string) ([]*connector.Photo, error) {
	got, err := c.Get(ctx, nil, ids)
	if err != nil {
		return nil, err
	}
	out := make([]*connector.Photo, len(ids))
	for i, g := range got {
		if g.Status != connector.StatusFound || g.Item.Record.Fields.First("photo") == "" {
			continue
		}
		if out[i], err = c.photo(ctx, g.Item.ID); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *Connector) photo(ctx context.Context, id string) (*connector.Photo, error) {
	var found struct {
		Pictures map[string]string `json:"pictures"`
	}
	_, _, err := c.ask(ctx, request{path: v2 + "/persons/" + id + "/picture", right: "read pictures"}, &found)
	if errors.Is(err, connector.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	at := found.Pictures["512"]
	if at == "" {
		at = found.Pictures["128"]
	}
	if at == "" {
		return nil, nil
	}
	return c.fetch(ctx, at)
}

// fetch reads the bytes of a picture. The account's authorisation goes to the API's own host only.
func (c *Connector) fetch(ctx context.Context, at string) (*connector.Photo, error) {
	u, err := url.Parse(at)
	if err != nil {
		return nil, unsure(false, "it named no usable address for a picture")
	}
	hc := c.pictures
	if u.Scheme == c.origin.Scheme && u.Host == c.origin.Host {
		hc = c.client
	}
	unread := &connector.Photo{Type: mime.TypeByExtension(path.Ext(u.Path))}
	if hc == nil || u.Scheme != "https" && u.Host != c.origin.Host {
		return unread, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, unsure(false, "it named no usable address for a picture")
	}
	resp, err := hc.Do(req)
	if err != nil {
		return nil, exchange.Broken(ctx, System, err, false)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxPicture+1))
	switch {
	case err != nil:
		return nil, exchange.Broken(ctx, System, err, false)
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		if to, err := resp.Location(); err == nil && hc == c.client && to.Host != c.origin.Host { // from there on without the authorisation
			return c.fetch(ctx, to.String())
		}
		return unread, nil
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusForbidden, len(data) > maxPicture:
		return unread, nil
	case resp.StatusCode != http.StatusOK:
		return nil, unsure(false, "it did not hand out a picture")
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if !strings.HasPrefix(kind, "image/") {
		kind = http.DetectContentType(data)
	}
	return &connector.Photo{Data: data, Type: kind}, nil
}

// SetPhoto stores a person's picture, in place of an older one. Pipedrive cuts it to a square by itself.
func (c *Connector) SetPhoto(ctx context.Context, id string, p connector.Photo) error {
	kind, _, _ := mime.ParseMediaType(p.Type)
	file, ok := pictureTypes[kind]
	if !ok || len(p.Data) == 0 {
		return &connector.InvalidError{System: System, Field: "photo", Reason: "a picture must be a JPEG, PNG or GIF file"}
	}
	if !isID(id) {
		return connector.ErrNotFound
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="` + file + `"`}, "Content-Type": {kind},
	})
	if err == nil {
		_, err = part.Write(p.Data)
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		return err
	}
	_, _, err = c.ask(ctx, request{
		method: http.MethodPost, path: v1 + "/persons/" + id + "/picture", write: true, right: "change people",
		form: &upload{contentType: form.FormDataContentType(), data: body.Bytes()},
	}, nil)
	var bad *connector.InvalidError
	if errors.As(err, &bad) {
		bad.Field, bad.Reason = "photo", "the picture is not accepted; choose another one"
	}
	return err
}

package google

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	people "google.golang.org/api/people/v1"

	"meibo/shared/connector"
)

// maxPhoto is the largest picture that is read or sent; Google states no limit (sheet 7). maxPhotos is from where on an answer holds no
// more of them.
const (
	maxPhoto  = 5 << 20
	maxPhotos = 16 << 20
)

var _ connector.Photographer = (*Connector)(nil)

// Photos implements connector.Photographer (sheet 7): the addresses of the pictures come with the contacts, 200 a call, and each picture
// is fetched from its own. The picture that Google makes of somebody's first letter is none.
func (c *Connector) Photos(ctx context.Context, ids []string) ([]*connector.Photo, error) {
	ask := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !isName(id) })
	slices.Sort(ask)
	found := map[string]*connector.Photo{}
	held := 0
	for chunk := range slices.Chunk(slices.Compact(ask), getSize) {
		if err := c.pace.Take(ctx, costRead...); err != nil {
			return nil, err
		}
		resp, err := c.people.People.GetBatchGet().ResourceNames(chunk...).PersonFields("photos").Sources(contactOnly).Context(ctx).Do()
		if err != nil {
			return nil, c.failure(ctx, err, reading)
		}
		for _, r := range resp.Responses {
			if r == nil || r.Person == nil {
				continue
			}
			p, err := c.photo(ctx, r.Person.Photos, held < maxPhotos)
			if err != nil {
				return nil, err
			}
			if found[r.RequestedResourceName] = p; p != nil {
				held += len(p.Data)
			}
		}
	}
	out := make([]*connector.Photo, len(ids))
	for i, id := range ids {
		out[i] = found[id]
	}
	return out, nil
}

// photo returns the picture of a contact, or nil. It is only fetched if fetch says so.
func (c *Connector) photo(ctx context.Context, photos []*people.Photo, fetch bool) (*connector.Photo, error) {
	i := slices.IndexFunc(photos, func(p *people.Photo) bool { return p != nil && !p.Default && p.Url != "" })
	if i < 0 {
		return nil, nil
	}
	at, err := url.Parse(photos[i].Url)
	if err != nil || !c.shows(at) || c.cfg.Pictures == nil {
		return nil, nil // it is not for us to go wherever an answer points
	}
	if !fetch {
		return &connector.Photo{}, nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, nil
	}
	resp, err := c.cfg.Pictures.Do(r)
	if err != nil {
		return nil, c.broken(ctx, err, reading)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxPhoto+1))
	switch {
	case err != nil:
		return nil, c.broken(ctx, err, reading)
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests:
		return nil, fmt.Errorf("%w: %s did not show a picture: HTTP status %d", connector.ErrTransient, System, resp.StatusCode)
	case resp.StatusCode != http.StatusOK || len(data) > maxPhoto:
		return nil, nil
	}
	kind := http.DetectContentType(data)
	if !strings.HasPrefix(kind, "image/") {
		return nil, nil
	}
	return &connector.Photo{Data: data, Type: kind}, nil
}

// shows reports whether an address is one that Google keeps pictures at, or the stand-in's own.
func (c *Connector) shows(at *url.URL) bool {
	if own, err := url.Parse(c.cfg.BaseURL); err == nil && c.cfg.BaseURL != apiURL && at.Scheme == own.Scheme && at.Host == own.Host {
		return true
	}
	return at.Scheme == "https" && at.Port() == "" && at.User == nil && strings.HasSuffix(at.Hostname(), ".googleusercontent.com")
}

// SetPhoto implements connector.Photographer.
func (c *Connector) SetPhoto(ctx context.Context, id string, p connector.Photo) error {
	if !isName(id) || len(p.Data) == 0 || len(p.Data) > maxPhoto {
		return &connector.InvalidError{System: System, Field: "photo", Reason: "the picture is missing or too large"}
	}
	if err := c.pace.Take(ctx, costPhoto...); err != nil {
		return err
	}
	_, err := c.people.People.UpdateContactPhoto(id, &people.UpdateContactPhotoRequest{
		PhotoBytes: base64.StdEncoding.EncodeToString(p.Data), PersonFields: "metadata",
	}).Context(ctx).Do()
	if err != nil {
		return c.failure(ctx, err, writing)
	}
	return nil
}

package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"meibo/shared/connector"
)

// maxPhoto is the largest picture that Graph takes (sheet 9).
const maxPhoto = 4 << 20

// Photos implements connector.Photographer: pictures come in batches, base64 inside the answer. A contact without one, or that is gone,
// or that has none to give because the account is a personal one, has nil.
func (c *Connector) Photos(ctx context.Context, ids []string) ([]*connector.Photo, error) {
	out := make([]*connector.Photo, len(ids))
	var ask []int
	for i, id := range ids {
		if isID(id) {
			ask = append(ask, i)
		}
	}
	for chunk := range slices.Chunk(ask, batchSize) {
		err := c.photoBatch(ctx, ids, chunk, out)
		if !errors.Is(err, connector.ErrTransient) || len(chunk) <= fewPhotos {
			if err != nil {
				return nil, err
			}
			continue
		}
		for few := range slices.Chunk(chunk, fewPhotos) { // large ones may be too much for one answer
			if err := c.photoBatch(ctx, ids, few, out); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// photoBatch reads into out the pictures of the ids at the given places.
func (c *Connector) photoBatch(ctx context.Context, ids []string, places []int, out []*connector.Photo) error {
	parts := make([]request, len(places))
	for n, i := range places {
		var err error
		if parts[n], err = c.built(c.me.Contacts().ByContactId(ids[i]).Photo().Content().ToGetRequestInformation(ctx, nil)); err != nil {
			return err
		}
	}
	answers, _, err := c.batch(ctx, parts, reading)
	if err != nil {
		return err
	}
	for n, i := range places {
		if out[i], err = c.photo(answers[n]); err != nil {
			return err
		}
	}
	return nil
}

// photo reads one picture of a batch.
func (c *Connector) photo(a answer) (*connector.Photo, error) {
	switch err := c.outcome(a, reading); {
	case err == nil:
	case isNotFound(err), errors.As(err, new(*connector.InvalidError)), c.personal && errors.As(err, new(*connector.ForbiddenError)):
		return nil, nil
	default:
		return nil, err
	}
	var data []byte // a JSON string in base64
	if json.Unmarshal(a.body, &data) != nil {
		return nil, unsure(reading, System+" answered with something else than a picture")
	}
	if len(data) == 0 {
		return nil, nil
	}
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	if !strings.HasPrefix(kind, "image/") {
		kind = http.DetectContentType(data)
	}
	return &connector.Photo{Data: data, Type: kind}, nil
}

// SetPhoto implements connector.Photographer.
func (c *Connector) SetPhoto(ctx context.Context, id string, p connector.Photo) error {
	refuse := func(reason string) error {
		return &connector.InvalidError{System: System, Field: "photo", Reason: reason}
	}
	switch {
	case c.personal:
		return refuse("personal Microsoft accounts take no pictures of contacts from programs")
	case len(p.Data) == 0 || len(p.Data) > maxPhoto:
		return refuse("a picture has at most 4 MB")
	case !strings.HasPrefix(p.Type, "image/"):
		return refuse("only pictures can be stored")
	case !isID(id):
		return fmt.Errorf("%s: %w", System, connector.ErrNotFound)
	}
	r, err := c.built(c.me.Contacts().ByContactId(id).Photo().Content().ToPutRequestInformation(ctx, p.Data, nil))
	if err != nil {
		return err
	}
	r.header["Content-Type"] = p.Type
	_, err = c.call(ctx, r, writing)
	return err
}

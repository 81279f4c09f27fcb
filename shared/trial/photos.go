package trial

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net/http"
	"net/url"
	"strings"

	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// Pictures go from the book to CRM records that have none (PD12).

// pictured are who has a picture in the beginning: CRM records with what it was, and book contacts.
type pictured struct {
	crm  map[string][]byte
	book map[string]bool
}

// photoSide is the size of the pictures of a trial, in points.
const photoSide = 96

// portrait makes a picture; each n has one of its own.
func portrait(n int) ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, photoSide, photoSide))
	for y := range photoSide {
		for x := range photoSide {
			img.Set(x, y, color.RGBA{R: uint8(37 * n), G: uint8(x * 2), B: uint8(y * 2), A: 255})
		}
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, nil)
	return b.Bytes(), err
}

// pictures gives few people a picture in the book. Of those whom the CRM has as well, every other has one of its own there, and as many
// others have one only there.
func (r *rig) pictures(ctx context.Context, few int) (pictured, error) {
	p := pictured{map[string][]byte{}, map[string]bool{}}
	inBook := map[string]bool{} // addresses of people with a picture there
	err := r.book.some(ctx, few, func(i int, c sandbox.Contact) error {
		inBook[c.Record.Fields.First(record.Email)] = true
		p.book[c.ID] = true
		return r.book.setPhoto(ctx, c.ID, 2*i)
	})
	if err != nil {
		return p, err
	}
	both, alone := 0, 0
	err = r.crm.each(ctx, func(c sandbox.Contact) error {
		mail := c.Record.Fields.First(record.Email)
		switch {
		case mail != "" && inBook[mail]:
			if both++; both%2 == 0 {
				return nil
			}
		case alone < few/2:
			alone++
		default:
			return nil
		}
		if err := r.crm.setPhoto(ctx, c.ID, 2*(both+alone)+1); err != nil {
			return err
		}
		b, err := r.crm.photo(ctx, c.ID)
		p.crm[c.ID] = b
		return err
	})
	return p, err
}

// some calls f with the first n contacts that have an address.
func (b standIn) some(ctx context.Context, n int, f func(int, sandbox.Contact) error) error {
	i := 0
	return b.each(ctx, func(c sandbox.Contact) error {
		if i == n || c.Record.Fields.First(record.Email) == "" {
			return nil
		}
		i++
		return f(i, c)
	})
}

func (b standIn) photoURL(id string) string {
	return b.origin + "/sandbox/photos/" + id + "?user=" + url.QueryEscape(b.user)
}

func (b standIn) setPhoto(ctx context.Context, id string, n int) error {
	picture, err := portrait(n)
	if err != nil {
		return err
	}
	_, status, err := b.fetch(ctx, http.MethodPut, id, picture)
	if err == nil && status >= 300 {
		err = fmt.Errorf("trial: %s did not take a picture: %d", b.name, status)
	}
	return err
}

// photo returns a contact's picture; nil if it has none.
func (b standIn) photo(ctx context.Context, id string) ([]byte, error) {
	picture, status, err := b.fetch(ctx, http.MethodGet, id, nil)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusNotFound:
		return nil, nil
	case status >= 300:
		return nil, fmt.Errorf("trial: %s did not show a picture: %d: %s", b.name, status, strings.TrimSpace(string(picture)))
	}
	return picture, nil
}

func (b standIn) fetch(ctx context.Context, method, id string, body []byte) ([]byte, int, error) {
	r, err := http.NewRequestWithContext(ctx, method, b.photoURL(id), bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	res, err := b.hc.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	return out, res.StatusCode, err
}

// photos wants everybody with a picture in the book to have one in the CRM, nobody's picture there to have been replaced, and none to
// have gone the other way.
func (v *verifier) photos(ctx context.Context, list []status) error {
	for _, s := range list {
		was, had := v.cast.pictures.crm[s.CRM]
		if s.State != "active" || v.merged[s.CRM] || !had && !v.cast.pictures.book[s.Book] {
			continue
		}
		now, err := v.crm.photo(ctx, s.CRM)
		if err != nil {
			return err
		}
		switch {
		case had && !bytes.Equal(was, now):
			v.differ("the picture of record %s in %s was replaced", s.CRM, v.crm.name)
		case len(now) == 0:
			v.differ("record %s has a picture in %s and none in %s", s.CRM, v.book.name, v.crm.name)
		}
		if v.cast.pictures.book[s.Book] {
			continue
		}
		there, err := v.book.photo(ctx, s.Book)
		if err != nil {
			return err
		}
		if len(there) > 0 {
			v.differ("the picture of record %s in %s went to %s", s.CRM, v.crm.name, v.book.name)
		}
	}
	return nil
}

package google

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"net/http"
	"strconv"
	"strings"
)

// photoPath is where a contact's picture is: a new address for every new picture, and Google's generated one where there is none.
func photoPath(sub string, c *contact, v *version) string {
	if v.photo == 0 {
		return "/photos/default"
	}
	return fmt.Sprintf("/photos/%s/%s/%d", sub, sourceID(c.id), v.photo)
}

func (c *call) updatePhoto() (any, *apiError) {
	m, e := c.object("photoBytes", "personFields", "sources")
	if e != nil {
		return nil, e
	}
	read, src, e := c.bodyReading(m, "personFields")
	if e != nil {
		return nil, e
	}
	text, e := str(m, "photoBytes", "")
	if e != nil {
		return nil, e
	}
	picture, e := c.s.picture(text)
	if e != nil {
		return nil, e
	}
	ct, e := c.lookup("people/" + c.id)
	if e != nil {
		return nil, e
	}
	v := *ct.now()
	if v.photo != 0 {
		c.s.dropPhoto(photoKey{c.a.sub, ct.id, v.photo})
	}
	v.photo = c.a.seq + 1
	c.s.keepPhoto(photoKey{c.a.sub, ct.id, v.photo}, picture)
	c.s.push(c.a, ct, v)
	return c.photoAnswer(ct, read, src), nil
}

// picture decodes photoBytes, and encodes the picture anew as Google does.
func (s *Sandbox) picture(text string) ([]byte, *apiError) {
	if text == "" {
		return nil, invalid("photoBytes is required.")
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		if b, err = base64.URLEncoding.DecodeString(text); err != nil {
			return nil, wrongType("photoBytes", "TYPE_BYTES")
		}
	}
	if most := s.limits.PhotoBytes; most > 0 && len(b) > most {
		return nil, invalid("The photo is larger than %d bytes.", most)
	}
	decode := jpeg.Decode
	if bytes.HasPrefix(b, []byte("\x89PNG")) {
		decode = png.Decode
	}
	img, err := decode(bytes.NewReader(b))
	if err != nil {
		return nil, invalid("The photo is neither JPEG nor PNG.")
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 90}); err != nil {
		return nil, internal(err)
	}
	return out.Bytes(), nil
}

func (c *call) deletePhoto() (any, *apiError) {
	var read mask
	src, e := parseSources(c.query["sources"])
	if e != nil {
		return nil, e
	}
	if text := c.query.Get("personFields"); text != "" {
		if read, e = c.s.schema.readMask("personFields", text, nil); e != nil {
			return nil, e
		}
	}
	ct, e := c.lookup("people/" + c.id)
	if e != nil {
		return nil, e
	}
	if v := *ct.now(); v.photo != 0 {
		c.s.dropPhoto(photoKey{c.a.sub, ct.id, v.photo})
		v.photo = 0
		c.s.push(c.a, ct, v)
	}
	return c.photoAnswer(ct, read, src), nil
}

func (c *call) photoAnswer(ct *contact, read mask, src sources) any {
	if read == 0 {
		return raw(`{}`)
	}
	return map[string]any{"person": c.onePerson(ct, read, src)}
}

// servePhoto answers a picture's address. It needs no authorisation, but cannot be guessed without the account and contact ids.
func (s *Sandbox) servePhoto(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		http.Error(w, "Use GET.", http.StatusMethodNotAllowed)
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/photos/")
	if path == "default" {
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write(letterPicture())
		return
	}
	parts := strings.Split(path, "/")
	var b []byte
	if len(parts) == 3 {
		id, _ := strconv.ParseUint(parts[1], 16, 64)
		set, _ := strconv.ParseUint(parts[2], 10, 64)
		s.mu.Lock()
		b = s.photos[photoKey{parts[0], id, set}]
		s.mu.Unlock()
	}
	if b == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	_, _ = w.Write(b)
}

// letterPicture stands for the picture that Google makes of a contact's first letter.
func letterPicture() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 16, 16))
	for i := range 16 * 16 {
		img.Set(i%16, i/16, color.RGBA{0x5c, 0x6b, 0xc0, 0xff})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil
	}
	return b.Bytes()
}

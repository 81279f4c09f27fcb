package graph

import (
	"bytes"
	"fmt"
	"image"
	_ "image/jpeg" // the only form of a picture
	"net/http"
	"strings"
)

// photo is a contact's picture.
type photo struct {
	seq           uint64 // of the change that set it
	width, height int
	data          []byte
}

// jpegOf decodes the size of a JPEG.
func jpegOf(data []byte) (*photo, *apiError) {
	cfg, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil || format != "jpeg" {
		return nil, fail(http.StatusBadRequest, "ErrorInvalidImage", "The picture is not a JPEG image.")
	}
	return &photo{width: cfg.Width, height: cfg.Height, data: data}, nil
}

// pictured is the contact that the path names, in a mailbox that has pictures.
func (c *call) pictured() (*item, *apiError) {
	if e := c.allow(); e != nil {
		return nil, e
	}
	if c.m.personal() {
		return nil, fail(http.StatusForbidden, "ErrorAccessDenied", "Pictures of contacts are not supported for personal Microsoft accounts.")
	}
	return c.target()
}

func (c *call) photoMetadata() (*reply, *apiError) {
	it, e := c.pictured()
	if e != nil {
		return nil, e
	}
	out := map[string]any{
		"@odata.context": c.contextURL("contacts('" + c.m.itemID(it, c.immutable()) + "')/photo/$entity"),
		"id":             "1X1", "width": 1, "height": 1, "@odata.mediaContentType": "image/jpeg", "@odata.mediaEtag": "",
	}
	if p := it.photo; p != nil {
		out["id"], out["width"], out["height"] = fmt.Sprintf("%dX%d", p.width, p.height), p.width, p.height
		out["@odata.mediaEtag"] = c.m.etag(p.seq)
	}
	return jsonReply(http.StatusOK, out)
}

func (c *call) photoValue() (*reply, *apiError) {
	it, e := c.pictured()
	if e != nil {
		return nil, e
	}
	if it.photo == nil {
		return nil, fail(http.StatusNotFound, "ErrorItemNotFound", "The picture was not found.")
	}
	return &reply{status: http.StatusOK, header: map[string]string{"Content-Type": "image/jpeg", "ETag": c.m.etag(it.photo.seq)}, binary: it.photo.data}, nil
}

// putPhoto sets a picture. The contact's etag stays and delta does not tell.
func (c *call) putPhoto() (*reply, *apiError) {
	it, e := c.pictured()
	if e != nil {
		return nil, e
	}
	if !strings.HasPrefix(c.header.Get("Content-Type"), "image/jpeg") {
		return nil, fail(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "The picture must be image/jpeg.")
	}
	if l := c.s.limits.PhotoBytes; l > 0 && len(c.body) > l {
		return nil, fail(http.StatusRequestEntityTooLarge, "ErrorMessageSizeExceeded", "The picture exceeds the maximum supported size.")
	}
	p, e := jpegOf(c.body)
	if e != nil {
		return nil, e
	}
	c.s.setPhoto(c.m, it, p)
	return &reply{status: http.StatusOK}, nil
}

func (s *Sandbox) setPhoto(m *mailbox, it *item, p *photo) {
	m.seq++
	p.seq = m.seq
	it.photo = p
	s.keepPhoto(m, it)
}

package zoho

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
)

const photoMost = 10 << 20 // bytes; often quoted, not stated

// photoRow finds the contact of a photo call.
func (c *call) photoRow(verb string) (*table, *row, error) {
	if c.path[0] != "Contacts" {
		return nil, nil, badModule(0)
	}
	if err := c.may(verb, "Contacts"); err != nil {
		return nil, nil, err
	}
	t := c.o.tables["Contacts"]
	r := t.rows[parseID(c.path[1])]
	if r == nil || r.State != live || !c.m.sees(t, r) {
		return nil, nil, badID(c.path[1])
	}
	return t, r, nil
}

// getPhoto is GET /{module}/{id}/photo.
func getPhoto(c *call) (*reply, error) {
	_, r, err := c.photoRow("View")
	if err != nil {
		return nil, err
	}
	b := c.o.photos[r.ID]
	if len(b) == 0 {
		return &reply{status: http.StatusNoContent}, nil
	}
	return &reply{status: http.StatusOK, raw: b, kind: http.DetectContentType(b)}, nil
}

// putPhoto is POST /{module}/{id}/photo: multipart with exactly one part, named file, that holds a PNG, JPEG or GIF.
func putPhoto(c *call) (*reply, error) {
	t, r, err := c.photoRow("Edit")
	if err != nil {
		return nil, err
	}
	if r.Locked {
		return nil, refuse(http.StatusBadRequest, "RECORD_LOCKED", "the record is locked", object{"id": num(r.ID)})
	}
	b, ok := onePart(c.r.Header.Get("Content-Type"), c.body)
	if !ok || len(b) == 0 || len(b) > photoMost {
		return nil, refuse(http.StatusBadRequest, "INVALID_DATA", "invalid data", object{"api_name": "file"})
	}
	switch http.DetectContentType(b) {
	case "image/png", "image/jpeg", "image/gif":
	default:
		return nil, refuse(http.StatusBadRequest, "INVALID_DATA", "the file is not an image", object{"api_name": "file"})
	}
	c.s.setPhoto(c.m, t, r, b)
	return photoDone("photo uploaded successfully"), nil
}

// onePart reads a multipart body that has a single part named file.
func onePart(contentType string, body []byte) ([]byte, bool) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" {
		return nil, false
	}
	mr := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	p, err := mr.NextPart()
	if err != nil || p.FormName() != "file" {
		return nil, false
	}
	b, err := io.ReadAll(p)
	if err != nil {
		return nil, false
	}
	_, err = mr.NextPart()
	return b, err == io.EOF
}

// setPhoto changes the picture; nil removes it.
func (s *Sandbox) setPhoto(m *member, t *table, r *row, b []byte) {
	action := "image_uploaded"
	if b == nil {
		action = "image_removed"
		delete(m.org.photos, r.ID)
		s.draft.Drop(photoKey(m.org, r.ID))
	} else {
		m.org.photos[r.ID] = b
		s.draft.Put(photoKey(m.org, r.ID), b)
	}
	r.Photo = b != nil
	r.note(event{Action: action, Source: "crm_api", At: s.now(), By: m.ID})
	s.bump(m, t, r)
	s.happened(m.org, t, r, "update", nil)
}

// deletePhoto is DELETE /{module}/{id}/photo.
func deletePhoto(c *call) (*reply, error) {
	t, r, err := c.photoRow("Edit")
	if err != nil {
		return nil, err
	}
	if r.Photo {
		c.s.setPhoto(c.m, t, r, nil)
	}
	return photoDone("photo deleted"), nil
}

func photoDone(message string) *reply {
	return &reply{status: http.StatusOK, body: object{"code": "SUCCESS", "details": object{}, "message": message, "status": "success"}}
}

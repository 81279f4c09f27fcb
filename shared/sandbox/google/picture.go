package google

import (
	"encoding/base64"
	"errors"

	"meibo/shared/sandbox"
)

var _ sandbox.Pictures = (*Sandbox)(nil)

// Photo returns the picture that somebody gave a contact, or nil.
func (s *Sandbox) Photo(user, id string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, c, err := s.bookFind(user, id)
	if err != nil {
		return nil, err
	}
	return s.photos[photoKey{a.sub, c.id, c.now().photo}], nil
}

// SetPhoto gives a contact a picture (JPEG or PNG); an empty one takes it away.
func (s *Sandbox) SetPhoto(user, id string, file []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, c, err := s.bookFind(user, id)
	if err != nil {
		return err
	}
	v := *c.now()
	if v.photo != 0 {
		s.dropPhoto(photoKey{a.sub, c.id, v.photo})
		v.photo = 0
	}
	if len(file) > 0 {
		picture, e := s.picture(base64.StdEncoding.EncodeToString(file))
		if e != nil {
			return errors.New(e.message)
		}
		v.photo = a.seq + 1
		s.keepPhoto(photoKey{a.sub, c.id, v.photo}, picture)
	}
	s.push(a, c, v)
	return s.flush()
}

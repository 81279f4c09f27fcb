package pipedrive

import "meibo/shared/sandbox"

// pictures are the pictures of persons for the control routes.
type pictures struct{ s *Sandbox }

var _ sandbox.Pictures = pictures{}

func (p pictures) Photo(user, id string) ([]byte, error) { return p.s.Picture(user, id) }

func (p pictures) SetPhoto(user, id string, file []byte) error {
	if len(file) == 0 {
		file = nil
	}
	return p.s.SetPicture(user, id, file)
}

package pipedrive

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // the forms that the vendor takes
	"image/jpeg"
	_ "image/png"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"meibo/shared/sandbox"
)

const (
	pictureMost   = 10 << 20 // the vendor states no limit
	pixelsMost    = 50_000_000
	squareLeast   = 128
	pictureMember = "file"
)

var (
	pictureSizes = []int{128, 512}
	cropMembers  = []string{"crop_x", "crop_y", "crop_width", "crop_height"}
)

// pictureURLs are where the versions are. They carry a word that only who was told them knows, and need no token.
func (c *call) pictureURLs(id int64) object {
	out := object{}
	for _, size := range pictureSizes {
		out[strconv.Itoa(size)] = fmt.Sprintf("%s%s%d/%d/%s/%d.jpg", sandbox.Origin(c.r), picturePath, c.o.ID, id, c.s.pictureWord(c.o, id), size)
	}
	return out
}

func (s *Sandbox) pictureWord(o *company, id int64) string {
	return fmt.Sprintf("%x", s.seal(fmt.Appendf(nil, "picture/%d/%d", o.ID, id)))
}

func getPicture(c *call) (*reply, error) {
	r, err := c.live(c.o.persons, c.id(0))
	if err != nil {
		return nil, err
	}
	if r.Picture == 0 {
		return nil, refuse(http.StatusNotFound, "Picture not found")
	}
	return ok(object{"id": r.Picture, "item_type": "person", "item_id": r.ID, "added_by_user_id": c.m.ID, "active_flag": true,
		"file_size": len(c.o.pictures[r.Picture]), "pictures": c.pictureURLs(r.Picture)})
}

// uploadPicture takes one image, crops it to a square and replaces the older picture: the person gets a new picture_id.
func uploadPicture(c *call) (*reply, error) {
	r, err := c.live(c.o.persons, c.id(0))
	if err != nil {
		return nil, err
	}
	file, crop, err := c.pictureForm()
	if err != nil {
		return nil, err
	}
	square, err := squareOf(file, crop)
	if err != nil {
		return nil, err
	}
	c.setPicture(r, square)
	at := stampV1(c.s.now())
	return ok(object{num(r.Picture): object{"id": r.Picture, "item_type": "person", "item_id": r.ID, "active_flag": true, "add_time": at, "update_time": at,
		"added_by_user_id": c.m.ID, "pictures": c.pictureURLs(r.Picture)}})
}

// setPicture gives a person a picture; nil takes it away.
func (c *call) setPicture(r *row, square []byte) {
	after := r.clone()
	if after.Picture != 0 {
		delete(c.o.pictures, after.Picture)
		c.s.draft.Drop(pictureKey(c.o, after.Picture))
	}
	after.Picture = 0
	if square != nil {
		after.Picture = c.o.newID()
		c.o.pictures[after.Picture] = square
		c.s.draft.Put(pictureKey(c.o, after.Picture), square)
	}
	c.replace(c.o.persons, r, after)
}

func deletePicture(c *call) (*reply, error) {
	r, err := c.live(c.o.persons, c.id(0))
	if err != nil {
		return nil, err
	}
	id := r.Picture
	if id == 0 {
		return nil, refuse(http.StatusNotFound, "Picture not found")
	}
	c.setPicture(r, nil)
	return ok(object{"id": id})
}

// pictureForm reads the parts: one file and perhaps a crop.
func (c *call) pictureForm() (file []byte, crop *image.Rectangle, err error) {
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, nil, bad("The body must be multipart/form-data")
	}
	numbers := map[string]int{}
	for parts := multipart.NewReader(bytes.NewReader(c.body), params["boundary"]); ; {
		p, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, bad("The multipart body does not parse")
		}
		b, err := io.ReadAll(io.LimitReader(p, pictureMost+1))
		switch name := p.FormName(); {
		case err != nil || len(b) > pictureMost:
			return nil, nil, bad("The picture is too large")
		case name == pictureMember && file == nil && p.FileName() != "":
			file = b
		case slices.Contains(cropMembers, name):
			n, err := strconv.Atoi(string(b))
			if err != nil || n < 0 {
				return nil, nil, invalid(name, "must be a number of pixels")
			}
			numbers[name] = n
		default:
			return nil, nil, bad("The part " + name + " is not known, given twice or not a file")
		}
	}
	if file == nil {
		return nil, nil, invalid(pictureMember, "is required")
	}
	if len(numbers) == 0 {
		return file, nil, nil
	}
	x, y, w, h := numbers["crop_x"], numbers["crop_y"], numbers["crop_width"], numbers["crop_height"]
	if len(numbers) != len(cropMembers) || w != h || w < squareLeast {
		return nil, nil, bad("The crop must be a square of at least 128 pixels")
	}
	r := image.Rect(x, y, x+w, y+h)
	return file, &r, nil
}

// squareOf is the image's crop, or its middle square, as JPEG. Small and oblong images pass without a crop, because it is not
// documented that they are refused.
func squareOf(file []byte, crop *image.Rectangle) ([]byte, error) {
	shape, _, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil || shape.Width*shape.Height > pixelsMost {
		return nil, bad("The file is not a GIF, JPG or PNG image, or too large")
	}
	img, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, bad("The file is not a GIF, JPG or PNG image")
	}
	box := img.Bounds()
	side := min(box.Dx(), box.Dy())
	at := box.Min.Add(image.Pt((box.Dx()-side)/2, (box.Dy()-side)/2))
	part := image.Rectangle{Min: at, Max: at.Add(image.Pt(side, side))}
	if crop != nil {
		if part = crop.Add(box.Min); !part.In(box) {
			return nil, bad("The crop is outside the picture")
		}
	}
	return scaled(img, part, min(part.Dx(), 512))
}

// scaled is a square of an image at another size, as JPEG, by the nearest pixel.
func scaled(img image.Image, part image.Rectangle, size int) ([]byte, error) {
	out := image.NewRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			out.Set(x, y, color.RGBAModel.Convert(img.At(part.Min.X+x*part.Dx()/size, part.Min.Y+y*part.Dy()/size)))
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, out, &jpeg.Options{Quality: 90}); err != nil {
		return nil, fmt.Errorf("pipedrive sandbox: encode a picture: %w", err)
	}
	return b.Bytes(), nil
}

// servePicture answers /pictures/{company}/{picture}/{word}/{size}.jpg.
func (s *Sandbox) servePicture(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, picturePath), "/")
	if len(parts) != 4 || r.Method != http.MethodGet {
		http.NotFound(w, r)
		return
	}
	size := int(parseID(strings.TrimSuffix(parts[3], ".jpg")))
	s.mu.Lock()
	var square []byte
	for _, o := range s.companies {
		if num(o.ID) == parts[0] && parts[2] == s.pictureWord(o, parseID(parts[1])) {
			square = o.pictures[parseID(parts[1])]
		}
	}
	s.mu.Unlock()
	if square == nil || !slices.Contains(pictureSizes, size) {
		http.NotFound(w, r)
		return
	}
	img, err := jpeg.Decode(bytes.NewReader(square))
	if err == nil {
		square, err = scaled(img, img.Bounds(), size)
	}
	if err != nil {
		http.Error(w, "the picture does not decode", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	_, _ = w.Write(square) // a caller that went away needs no answer
}

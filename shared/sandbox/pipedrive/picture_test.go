package pipedrive_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"mime/multipart"
	"net/http"
	"testing"
)

// pngOf is an image that is red on its left third and blue elsewhere.
func pngOf(t *testing.T, width, height int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.Set(x, y, color.RGBA{B: 255, A: 255})
			if x < width/3 {
				img.Set(x, y, color.RGBA{R: 255, A: 255})
			}
		}
	}
	var b bytes.Buffer
	must(t, png.Encode(&b, img))
	return b.Bytes()
}

// upload sends a picture with other parts as text.
func (w *world) upload(id string, file []byte, parts map[string]string) *answer {
	w.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	if file != nil {
		f, err := m.CreateFormFile("file", "photo.png")
		must(w.T, err)
		_, err = f.Write(file)
		must(w.T, err)
	}
	for k, v := range parts {
		must(w.T, m.WriteField(k, v))
	}
	must(w.T, m.Close())
	return w.call("POST", "/api/v1/persons/"+id+"/picture", b.Bytes(), header("Content-Type", m.FormDataContentType()))
}

func TestPictures(t *testing.T) {
	w := newWorld(t)
	id := num(w.person(fields{"name": "Jon Berg"}))
	picture := func() int64 { return whole(w.call("GET", "/persons/"+id, nil).want(200).one()["picture_id"]) }
	w.call("GET", "/persons/"+id+"/picture", nil).refused(404, "Picture")
	w.upload(id, pngOf(t, 300, 200), nil).want(200)
	first := picture()
	w.upload(id, pngOf(t, 300, 200), map[string]string{"crop_x": "0", "crop_y": "0", "crop_width": "128", "crop_height": "128"}).want(200)
	if first == 0 || picture() == first {
		t.Fatalf("picture_id: got %d after %d", picture(), first)
	}
	got := w.call("GET", "/persons/"+id+"/picture", nil).want(200).one()
	for size, want := range map[string]int{"128": 128, "512": 512} {
		res, err := http.Get(str(got["pictures"].(map[string]any)[size]))
		must(t, err)
		img, err := jpeg.Decode(res.Body)
		must(t, err)
		must(t, res.Body.Close())
		equal(t, "size", img.Bounds().Dx(), want)
		if r, _, blue, _ := img.At(want/2, want/2).RGBA(); r < blue { // the crop is of the red part, but for its last 28 columns
			t.Errorf("%s: the middle is not red", size)
		}
	}
	for name, a := range map[string]*answer{
		"no file":       w.upload(id, nil, nil),
		"no image":      w.upload(id, []byte("text"), nil),
		"small crop":    w.upload(id, pngOf(t, 300, 300), map[string]string{"crop_x": "0", "crop_y": "0", "crop_width": "100", "crop_height": "100"}),
		"oblong crop":   w.upload(id, pngOf(t, 300, 300), map[string]string{"crop_x": "0", "crop_y": "0", "crop_width": "128", "crop_height": "130"}),
		"crop outside":  w.upload(id, pngOf(t, 300, 300), map[string]string{"crop_x": "200", "crop_y": "0", "crop_width": "128", "crop_height": "128"}),
		"unknown part":  w.upload(id, pngOf(t, 300, 300), map[string]string{"title": "x"}),
		"not multipart": w.call("POST", "/api/v1/persons/"+id+"/picture", fields{}),
	} {
		t.Run(name, func(t *testing.T) { a.want(400) })
	}
	res, err := http.Get(w.srv.URL + "/pictures/15043420/" + num(picture()) + "/guess/128.jpg")
	must(t, err)
	must(t, res.Body.Close())
	equal(t, "a guessed address", res.StatusCode, 404)
	w.call("DELETE", "/api/v1/persons/"+id+"/picture", nil).want(200)
	w.call("DELETE", "/api/v1/persons/"+id+"/picture", nil).refused(404, "Picture")
	equal(t, "picture_id", picture(), 0)
	must(t, w.box.SetPicture(mira, id, pngOf(t, 20, 20)))
	square, err := w.box.Picture(mira, id)
	must(t, err)
	if len(square) == 0 {
		t.Fatal("no picture")
	}
}

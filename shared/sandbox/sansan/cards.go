package sansan

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"mime"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// seen is the card of the path, which the key's user must see.
func (c *call) seen() (*card, error) {
	x := c.s.cards[c.id()]
	if x == nil || !c.u.sees(x) {
		return nil, notFound()
	}
	return x, nil
}

// card answers GET /bizCards/{id}.
func (c *call) card() (*reply, error) {
	tags, err := c.flag("includeTags")
	if err != nil {
		return nil, err
	}
	x, err := c.seen()
	if err != nil {
		return nil, err
	}
	return ok(c.render(x, tags))
}

// cardTags answers GET /bizCards/{id}/tags.
func (c *call) cardTags() (*reply, error) {
	x, err := c.seen()
	if err != nil {
		return nil, err
	}
	return slicePage(c, c.tagsOf(x), c.renderTag)
}

// image answers GET /bizCards/{id}/image. A card that was scanned has a front; nothing has a back.
func (c *call) image() (*reply, error) {
	side, err := c.choice("side", "front", "back")
	if err != nil {
		return nil, err
	}
	x, err := c.seen()
	if err != nil {
		return nil, err
	}
	if x.Typed || side == "back" {
		return nil, notFound()
	}
	b, err := picture(x.ID)
	return &reply{contentType: "image/jpeg", raw: b}, err
}

// picture is a plain card in a colour of its own.
func picture(id int64) ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, 91, 55))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.RGBA{uint8(id * 31), uint8(id * 57), uint8(id * 101), 255}), image.Point{}, draw.Src)
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, nil)
	return b.Bytes(), err
}

// autoCountry lets Sansan tell the country by the address.
const autoCountry = "AUTO"

var countryForm = regexp.MustCompile(`^[A-Z]{2}$`)

// countryOf is the country of an address, as far as its prefecture tells.
func countryOf(prefecture string) string {
	for _, end := range []string{"都", "道", "府", "県"} {
		if strings.HasSuffix(prefecture, end) {
			return "JP"
		}
	}
	return ""
}

// tagsMost is how many tags a new card may have.
const tagsMost = 15

// create answers POST /bizCards. The card is completed at once and is a person of its own.
func (c *call) create() (*reply, error) {
	if kind, _, _ := mime.ParseMediaType(c.kind); kind != "application/json" {
		return nil, bad("The Content-Type must be application/json.")
	}
	var in map[string]json.RawMessage
	if json.Unmarshal(c.body, &in) != nil || in == nil {
		return nil, bad("The body is not a JSON object.")
	}
	x := &card{owner: c.u, Status: completed, Typed: true}
	for name, raw := range in {
		if err := c.member(x, name, raw); err != nil {
			return nil, err
		}
	}
	if x.Texts.get(countryCode) == autoCountry {
		x.Texts = x.Texts.with(countryCode, countryOf(x.Texts.get(prefecture)))
	}
	if x.Texts.get(companyName)+x.Texts.get(lastName)+x.Texts.get(firstName) == "" {
		return nil, bad("One of companyName, lastName and firstName is required.")
	}
	c.s.add(x, 0)
	return ok(object{"id": num(x.ID)})
}

// member puts one member of a body into a new card.
func (c *call) member(x *card, name string, raw json.RawMessage) error {
	if name == "tagIds" {
		return c.tagMember(x, raw)
	}
	value := ""
	if raw[0] != '"' || json.Unmarshal(raw, &value) != nil {
		return bad("%s must be text.", name)
	}
	if name == "exchangeDate" {
		if !isDate(value) {
			return bad("exchangeDate must be like 2026-09-11.")
		}
		x.Exchange = value
		return nil
	}
	k, known := kindNamed(name)
	switch {
	case !known:
		return bad("%s is not known.", name)
	case k == countryCode && value == autoCountry: // told by the whole address, in create
	case k == countryCode && value != "" && !countryForm.MatchString(value):
		return bad("countryCode must be two capital letters or %s.", autoCountry)
	case utf8.RuneCountInString(value) > textFields[k].most:
		return bad("%s may have at most %d characters.", name, textFields[k].most)
	}
	x.Texts = x.Texts.with(k, value)
	return nil
}

func (c *call) tagMember(x *card, raw json.RawMessage) error {
	var ids []string
	if json.Unmarshal(raw, &ids) != nil || ids == nil || len(ids) > tagsMost {
		return bad("tagIds must be a list of at most %d ids.", tagsMost)
	}
	for _, text := range ids {
		t := c.u.org.tag(parseID(text))
		if t == nil || !c.u.mayUse(t) || slices.Contains(x.Tags, t.ID) {
			return bad("tagIds: there is no tag %q, or it is there twice.", text)
		}
		x.Tags = append(x.Tags, t.ID)
	}
	return nil
}

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

package contract

import "testing"

func TestOverlaysArePatched(t *testing.T) {
	const doc = `{"paths":{"/a/{b}":{"x":1}},"list":[{"y":1},{"y":2,"z":3}]}`
	got, err := patched([]byte(doc), []byte(`[{"op":"replace","path":"/paths/~1a~1{b}/x","value":null},{"op":"add","path":"/list/1/w","value":[4]},{"op":"remove","path":"/list/1/z"}]`))
	if want := `{"list":[{"y":1},{"w":[4],"y":2}],"paths":{"/a/{b}":{"x":null}}}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	for name, patch := range map[string]string{
		"an element that is not there": `[{"op":"add","path":"/list/2/w","value":1}]`,
		"a member that is not there":   `[{"op":"add","path":"/none/w","value":1}]`,
		"an unknown operation":         `[{"op":"move","path":"/list/1/w"}]`,
	} {
		if _, err := patched([]byte(doc), []byte(patch)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

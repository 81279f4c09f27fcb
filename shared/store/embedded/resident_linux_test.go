package embedded_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"meibo/shared/clock"
	"meibo/shared/store"
)

// mapped returns how much of the file is in this process's memory.
func mapped(t *testing.T, path string) (bytes int) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skipf("the system does not tell what is mapped: %v", err)
	}
	inside := false
	for line := range strings.Lines(string(maps)) {
		if strings.Contains(line, "-") && strings.Contains(line, " r") {
			inside = strings.HasSuffix(strings.TrimSpace(line), path)
		}
		if kb := 0; inside && strings.HasPrefix(line, "Rss:") {
			if _, err := fmt.Sscanf(line, "Rss: %d kB", &kb); err != nil {
				t.Fatal(err)
			}
			bytes += kb << 10
		}
	}
	return bytes
}

func TestMemory(t *testing.T) {
	t.Run("of the process does not grow with the file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "table")
		tab := openAt(t, path, clock.Real{})
		var keys []store.Key
		for i := range 1200 {
			it := store.Item{Key: store.Key{PK: "p", SK: fmt.Sprintf("%04d", i)}, Body: make([]byte, 100<<10)}
			if err := tab.Bulk(t.Context(), []store.Item{it}, nil); err != nil {
				t.Fatal(err)
			}
			keys = append(keys, it.Key)
		}
		most := 0
		for _, k := range keys {
			if _, err := tab.Get(t.Context(), k); err != nil {
				t.Fatal(err)
			}
			most = max(most, mapped(t, path))
		}
		size, err := tab.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if most == 0 || most > int(size)/2 {
			t.Errorf("got %d of %d bytes in memory", most, size)
		}
	})
}

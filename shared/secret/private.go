package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ReadPrivate returns the content of a file that only its owner may read. It refuses one that others can read, with the cure,
// and returns an error that is fs.ErrNotExist for one that is not there.
func ReadPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat() // of the open file: what is checked is what is read
	if err != nil {
		return nil, err
	}
	if m := info.Mode().Perm(); m&0o077 != 0 {
		return nil, fmt.Errorf("%s holds secrets, but its mode %04o lets others read it: run chmod 600 %[1]s, and renew the secrets in it if others use this machine", path, m)
	}
	return io.ReadAll(f)
}

// CreatePrivate writes data into a new file of mode 0600. The file appears whole or not at all; an error that is fs.ErrExist
// says that there is one already.
func CreatePrivate(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path) // unlike Rename, Link never replaces
}

// LoadOrCreate returns the content of the private file at path, which create makes if there is none. Two processes that start
// together agree on one content.
func LoadOrCreate(path string, create func() ([]byte, error)) ([]byte, error) {
	b, err := ReadPrivate(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return b, err
	}
	b, err = create()
	if err != nil {
		return nil, err
	}
	if err := CreatePrivate(path, b); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return ReadPrivate(path)
}

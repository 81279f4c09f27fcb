package graph

import "strconv"

func itoa(n int) string { return strconv.Itoa(n) }

// The changes of a mailbox: each does it, marks what is to be kept, and notes what subscribers are to be told. The caller holds s.mu.

func (s *Sandbox) add(m *mailbox, f *folder, it *item) {
	m.add(f, it, s.cfg.Clock.Now(), s.lag)
	s.changed(m, it, f.id, "created")
}

func (s *Sandbox) touch(m *mailbox, it *item) {
	m.touch(it, s.cfg.Clock.Now(), s.lag)
	s.changed(m, it, it.folder, "updated")
}

func (s *Sandbox) remove(m *mailbox, it *item) {
	from := it.folder
	m.remove(it, s.cfg.Clock.Now(), s.lag)
	if it.photo != nil {
		s.dropPhoto(m, it)
	}
	s.changed(m, it, from, "deleted")
}

func (s *Sandbox) move(m *mailbox, it *item, to *folder) {
	from := it.folder
	m.move(it, to, s.cfg.Clock.Now(), s.lag)
	s.changed(m, it, from, "deleted")
	s.changed(m, it, to.id, "created")
}

func (s *Sandbox) changed(m *mailbox, it *item, folder uint64, what string) {
	s.dirty.item(m, it)
	s.tell(m, it, folder, what)
}

func (s *Sandbox) addFolder(m *mailbox, parent uint64, name string) *folder {
	m.ids++
	m.seq++
	f := &folder{id: m.ids, parent: parent, name: name, seq: m.seq}
	m.folders[f.id] = f
	s.dirty.folder(m, f)
	return f
}

func (s *Sandbox) changeFolder(m *mailbox, f *folder, name string, ext map[string]string) {
	m.seq++
	f.name, f.ext, f.seq = name, ext, m.seq
	s.dirty.folder(m, f)
}

// removeFolder deletes a folder with its contacts and the folders in it.
func (s *Sandbox) removeFolder(m *mailbox, f *folder) {
	for _, child := range m.folders {
		if child.parent == f.id && !child.deleted {
			s.removeFolder(m, child)
		}
	}
	var inside []*item
	for _, e := range f.members {
		if f.has(e) {
			inside = append(inside, e.it)
		}
	}
	for _, it := range inside {
		s.remove(m, it)
	}
	m.seq++
	f.deleted, f.seq, f.ext = true, m.seq, nil
	s.dirty.folder(m, f)
}

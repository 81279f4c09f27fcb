//go:build !linux

package embedded

// release does nothing where the system has no such hint.
func release(data, size uintptr) {}

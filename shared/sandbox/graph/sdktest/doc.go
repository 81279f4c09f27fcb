// Package sdktest proves the Graph sandbox with Microsoft's own Go client. It is apart from the sandbox's other tests because the
// client takes long to compile, and has nothing but a test.
package sdktest

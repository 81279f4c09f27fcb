package engine_test

import (
	"fmt"
	"os"
)

func (w *world) trace(f string, a ...any) {
	if os.Getenv("TRACE") != "" {
		fmt.Printf(w.clk.Now().Format("15:04:05 ")+f+"\n", a...)
	}
}

package opencv

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"deixis/camera/child"
)

// leaks reports Mats that nobody closed. The build tag matprofile sets it.
var leaks = func() int { return 0 }

func TestMain(m *testing.M) {
	child.Serve(Roles())
	code := m.Run()
	if n := leaks(); n > 0 {
		fmt.Fprintf(os.Stderr, "%d Mats were not closed\n", n)
		code = 1
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

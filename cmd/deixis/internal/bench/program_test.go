package bench

import (
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"

	"deixis/cmd/deixis/internal/app"
)

// TestMain is a program that ends at once with a line that says why, where a test asks
// for one.
func TestMain(m *testing.M) {
	if says := os.Getenv("BENCH_TEST_SAYS"); says != "" {
		os.Stderr.WriteString("deixis: " + says + "\n")
		os.Exit(app.ExitModel)
	}
	os.Exit(m.Run())
}

func TestProgramThatEndsAtOnce(t *testing.T) {
	t.Setenv("BENCH_TEST_SAYS", "no bundle nowhere")
	g := &app.Globals{Log: slog.New(slog.DiscardHandler)}
	_, err := startProgram(t.Context(), g, []string{"live"}, nil)
	var other *app.ProgramError
	if !errors.As(err, &other) || app.ExitCode(err) != app.ExitModel || !strings.Contains(err.Error(), "no bundle nowhere") {
		t.Errorf("ended with %v", err)
	}
}

package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/alecthomas/kong"

	"deixis/cmd/deixis/internal/app"
	"deixis/cmd/deixis/internal/manual"
)

// manualCmd is `deixis manual`, which the package's build runs.
type manualCmd struct {
	Dir string `arg:"" placeholder:"DIR" help:"Folder like /usr/share, such as ~/.local/share."`
}

// Run writes the pages as of SOURCE_DATE_EPOCH where that is set, as reproducible builds
// set it.
func (c *manualCmd) Run(k *kong.Context) error {
	date := time.Now()
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		s, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return app.Usage(fmt.Errorf("SOURCE_DATE_EPOCH %q: not a number of seconds", epoch))
		}
		date = time.Unix(s, 0)
	}
	about := manual.About{Version: version, Date: date, Exits: app.Exits, Files: [][2]string{
		{"/etc/deixis/deixis.yaml", "What the service deixis does: a --config file. `systemctl enable --now deixis` starts it."},
		{"/var/lib/deixis", "Where the service keeps what is looked for, corrected and recorded."},
		{"/usr/share/deixis/models/ca2m-edge", "The model bundle, with its card."},
		{"/usr/share/deixis/models/ca2m-edge-fast", "A faster one for smaller pictures, taken with --bundle ca2m-edge-fast."},
	}}
	if err := manual.Write(c.Dir, k.Model, about); err != nil {
		return app.Output(err)
	}
	return nil
}

package main

import (
	"io/fs"
	"path"
	"strconv"
	"strings"

	"deixis/pipeline/web"
)

// temperatures are what the zones of Linux' sysfs say (Documentation/ABI/testing/
// sysfs-class-thermal: temp in thousandths of a degree); none elsewhere.
func temperatures(class fs.FS) (all []web.Temperature) {
	zones, err := fs.Glob(class, "thermal_zone*")
	if err != nil {
		return nil
	}
	for _, zone := range zones {
		kind, err := fs.ReadFile(class, path.Join(zone, "type"))
		if err != nil {
			continue
		}
		raw, err := fs.ReadFile(class, path.Join(zone, "temp"))
		if err != nil { // a sensor that sleeps
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64); err == nil {
			all = append(all, web.Temperature{Name: strings.TrimSpace(string(kind)), Celsius: float64(n) / 1000})
		}
	}
	return all
}

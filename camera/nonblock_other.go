//go:build !unix

package camera

// nonblock is nothing where the file system holds no named pipes.
const nonblock = 0

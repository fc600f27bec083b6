// googlenftables MODE COUNT: the measurements of bench's nft-bulk with google/nftables, in the network namespace it is started in.
// MODE is rules, elements, one or list. Prints nanoseconds, one a line: of the whole batch, of each commit, or of each listing.
// Build: GO111MODULE=off GOPATH=/usr/share/gocode go build (Debian: golang-go, golang-github-google-nftables-dev).
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// The same ten expressions as NftablesSamples.TenExpressionRule.
func expressions(number int) []expr.Any {
	address := make([]byte, 4)
	binary.BigEndian.PutUint32(address, uint32(10<<24+number))
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{2}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: address},
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{6}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{byte(number >> 8), byte(number)}},
		&expr.Counter{},
		&expr.Verdict{Kind: expr.VerdictAccept},
	}
}

func element(number int) []nftables.SetElement {
	key := make([]byte, 4)
	binary.LittleEndian.PutUint32(key, uint32(number))
	return []nftables.SetElement{{Key: key, Val: key}}
}

// The library has no way to enlarge its socket's buffers, without which no large batch passes: it is done behind its back.
func enlargeBuffers() {
	const size = 1 << 29
	for descriptor := 0; descriptor < 64; descriptor++ {
		address, err := syscall.Getsockname(descriptor)
		if _, netlink := address.(*syscall.SockaddrNetlink); err == nil && netlink {
			check(syscall.SetsockoptInt(descriptor, syscall.SOL_SOCKET, syscall.SO_SNDBUFFORCE, size))
			check(syscall.SetsockoptInt(descriptor, syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, size))
		}
	}
}

func main() {
	count, err := strconv.Atoi(os.Args[2])
	check(err)
	conn, err := nftables.New(nftables.AsLasting())
	check(err)
	table := conn.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: "bench"})
	chain := conn.AddChain(&nftables.Chain{Table: table, Name: "forward"})
	set := &nftables.Set{Table: table, Name: "addresses", IsMap: true, KeyType: nftables.TypeIPAddr, DataType: nftables.TypeIPAddr}
	check(conn.AddSet(set, nil))
	check(conn.Flush())
	enlargeBuffers()

	rules := func() {
		for i := 0; i < count; i++ {
			conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: expressions(i)})
		}
		check(conn.Flush())
	}
	begin := time.Now()
	switch os.Args[1] {
	case "rules":
		rules()
		fmt.Println(time.Since(begin).Nanoseconds())
	case "elements":
		for i := 0; i < count; i += 1000 {
			part := make([]nftables.SetElement, 0, 1000)
			for j := i; j < i+1000 && j < count; j++ {
				part = append(part, element(j)...)
			}
			check(conn.SetAddElements(set, part))
		}
		check(conn.Flush())
		fmt.Println(time.Since(begin).Nanoseconds())
	case "one":
		for i := 0; i < count; i++ {
			begin = time.Now()
			check(conn.SetAddElements(set, element(i)))
			check(conn.Flush())
			fmt.Println(time.Since(begin).Nanoseconds())
		}
	case "list":
		rules()
		// The library stumbles over acknowledgements that its flush has left unread.
		reader, err := nftables.New()
		check(err)
		for i := 0; i < 3; i++ {
			begin = time.Now()
			listed, err := reader.GetRules(table, chain)
			check(err)
			if len(listed) != count {
				check(fmt.Errorf("%d rules listed, %d sent", len(listed), count))
			}
			fmt.Println(time.Since(begin).Nanoseconds())
		}
	}
}

// Peer: Go, gorilla/websocket, the hub of its chat example, with the sender left out and a PreparedMessage, which its
// documentation recommends for sending one message to many. Unlike the example, queued messages are not joined by newlines
// into one: a message must stay a message. A client whose queue is full is dropped as in the example, at 4,096 messages
// instead of 256: on one busy core a burst of 300 filled the shorter queue before the writer's goroutine had run.
// Usage: gorilla PORT

package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/gorilla/websocket"
)

type message struct {
	sender   *client
	prepared *websocket.PreparedMessage
}

type client struct {
	conn *websocket.Conn
	send chan *websocket.PreparedMessage
}

type hub struct {
	clients    map[*client]bool
	broadcast  chan message
	register   chan *client
	unregister chan *client
}

func (h *hub) run() {
	for {
		select {
		case c := <-h.register:
			h.clients[c] = true
		case c := <-h.unregister:
			if h.clients[c] {
				delete(h.clients, c)
				close(c.send)
			}
		case m := <-h.broadcast:
			for c := range h.clients {
				if c == m.sender {
					continue
				}
				select {
				case c.send <- m.prepared:
				default:
					close(c.send)
					delete(h.clients, c)
				}
			}
		}
	}
}

func (c *client) readPump(h *hub) {
	defer func() {
		h.unregister <- c
		c.conn.Close()
	}()
	for {
		kind, data, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		prepared, err := websocket.NewPreparedMessage(kind, data)
		if err != nil {
			return
		}
		h.broadcast <- message{c, prepared}
	}
}

func (c *client) writePump() {
	defer c.conn.Close()
	for prepared := range c.send {
		if err := c.conn.WritePreparedMessage(prepared); err != nil {
			return
		}
	}
}

var upgrader = websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024}

func main() {
	h := &hub{
		clients:    make(map[*client]bool),
		broadcast:  make(chan message),
		register:   make(chan *client),
		unregister: make(chan *client),
	}
	go h.run()
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		c := &client{conn: conn, send: make(chan *websocket.PreparedMessage, 4096)}
		h.register <- c
		go c.writePump()
		go c.readPump(h)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready on", os.Args[1])
	log.Fatal(http.Serve(listener, nil))
}

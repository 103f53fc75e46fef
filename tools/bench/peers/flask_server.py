"""The specification's GET /user-status/<name> as one would write it for Flask's development server."""
import sys

from flask import Flask, jsonify

app = Flask(__name__)
users = {"jeden": 0}


@app.route("/user-status/<name>", methods=["GET"])
def user_status(name):
    if name not in users:
        return jsonify({"error": "no such user"}), 404
    return jsonify(users[name])


app.run(host="127.0.0.1", port=int(sys.argv[1]))

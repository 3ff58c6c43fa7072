"""Class: let a class in, and say what it may do. For the teacher; everybody else learns how to become it."""

import streamlit as st

from mnist_lab.ui import head, navigation
from mnist_lab.ui.classroom import entrance, finish, limits, people, queue
from mnist_lab.ui.session import is_teacher, lab, person

head.show(navigation.CLASS)
if not is_teacher():
    entrance.how_to_teach()
elif (room := lab().classroom.rights(person()).room) is None:
    entrance.open_class()
    finish.earlier()
else:
    left, right = st.columns([3, 2], gap="large")
    with left:
        entrance.show(room)
    with right:
        people.show()
    queue.show()
    limits.show()
    finish.show(room)
